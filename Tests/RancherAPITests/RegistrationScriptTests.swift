import RancherAPI
import Testing

@Suite("A registration script")
struct RegistrationScriptTests {
    @Test("gives the four values of the server's own text")
    func plain() throws {
        let script = try RegistrationScript(
            parsing: """
                #!/bin/sh
                export CATTLE_REGISTRATION_ACCESS_KEY="registrationToken"
                export CATTLE_REGISTRATION_SECRET_KEY="B4A5:1483142400000:x7=Q="
                export CATTLE_URL="http://rancher.example:8080/v3"
                export DETECTED_CATTLE_AGENT_IP="192.0.2.10"
                """)
        #expect(script.key == APIKey(accessKey: "registrationToken", secretKey: "B4A5:1483142400000:x7=Q="))
        #expect(script.url == "http://rancher.example:8080/v3")
        #expect(script.detectedAgentIP == "192.0.2.10")
        #expect(!"\(script)".contains("B4A5"))
        var dumped = ""
        dump(script, to: &dumped)
        #expect(!dumped.contains("B4A5"))
    }

    @Test(
        "is read as a shell reads it (defect 1)",
        arguments: [
            (#"CATTLE_URL="a=b=c""#, "a=b=c"), (#"CATTLE_URL=bare"#, "bare"),
            (#"CATTLE_URL='single "$x" \'"#, #"single "$x" \"#),
            (#"CATTLE_URL="q\"d\$v\\b\`t\n""#, #"q"d$v\b`t\n"#), (#"CATTLE_URL="a"'b'c"#, "abc"),
            (#"  export   CATTLE_URL="spaces"  # comment"#, "spaces"), (#"CATTLE_URL=a#b"#, "a#b"),
            (#"CATTLE_URL=a;echo"#, "a"),
            (#"CATTLE_URL=back\ slash"#, "back slash"), (#"CATTLE_URL="open"#, "open"), (#"CATTLE_URL="""#, ""),
            (#"CATTLE_URL="#, ""), ("CATTLE_URL=\"crlf\"\r", "crlf"), ("export\tCATTLE_URL=tab", "tab"),
            ("CATTLE_URL=first\nCATTLE_URL=second", "second"), ("CATTLE_URL=\"[::1]:8080\"", "[::1]:8080"),
            ("CATTLE_URL=\"x\\", "x\\"),
        ])
    func shell(line: String, expected: String) throws {
        #expect(try RegistrationScript(parsing: Self.keys + line).url == expected)
    }

    @Test(
        "sets a variable only by its exact name (defects 1, 2)",
        arguments: [
            "# CATTLE_URL=x", "MY_CATTLE_URL=x", "CATTLE_URL_2=x", "echo CATTLE_URL=x", "export CATTLE_URL",
            "CATTLE_URL",
            "if [ \"$CATTLE_URL\" = x ]; then", "CATTLE_URL =x", "export", "=x", "exportCATTLE_URL=x", "1=2", "",
        ])
    func exactNames(line: String) throws {
        #expect(try RegistrationScript(parsing: Self.keys + line).url == "")
    }

    @Test(
        "is refused if the keys are not in it",
        arguments: [
            "", "<html><body>Please log in</body></html>", "export CATTLE_REGISTRATION_ACCESS_KEY=\"a\"",
            "export CATTLE_REGISTRATION_SECRET_KEY=\"a\"",
            "CATTLE_REGISTRATION_ACCESS_KEY=\nCATTLE_REGISTRATION_SECRET_KEY=s",
        ])
    func missingKeys(text: String) {
        let error = #expect(throws: RancherError.self) { try RegistrationScript(parsing: text) }
        #expect(error?.code == .badAnswer)
    }

    private static let keys = "CATTLE_REGISTRATION_ACCESS_KEY=a\nCATTLE_REGISTRATION_SECRET_KEY=s\n"
}
