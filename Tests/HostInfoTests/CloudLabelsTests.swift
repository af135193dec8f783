import FakeHost
import HostInfo
import Testing

@Suite("The cloud's labels")
struct CloudLabelsTests {
    @Test("are region, zone and provider of the identity document")
    func document() throws {
        let text = #"{"accountId":"1","region":"eu-west-1","availabilityZone":"eu-west-1b","x":null}"#
        #expect(
            try CloudLabels(identityDocument: Array(text.utf8)).labels == [
                "io.rancher.host.provider": "aws", "io.rancher.host.region": "eu-west-1",
                "io.rancher.host.zone": "eu-west-1b",
            ])
        let short = try CloudLabels(identityDocument: Array(#"{"region":"eu-west-1"}"#.utf8))
        #expect(short.labels["io.rancher.host.zone"] == nil)
    }

    @Test(
        "are not made of anything else",
        arguments: ["", "<html>Please log in</html>", "[]", "{}", #"{"region":""}"#, #"{"region":null}"#, #"{"reg"#])
    func noDocument(text: String) {
        #expect(throws: HostInfoError.self) { try CloudLabels(identityDocument: Array(text.utf8)) }
    }

    @Test("are read back as they were stored, with every key, and no other file is left (defect 15)")
    func stored() throws {
        let host = try FakeHost()
        #expect(CloudLabels(stateDirectory: host.state) == nil)
        let labels = CloudLabels(labels: ["io.rancher.host.provider": "aws", "own": "\"quoted\" \n ü"])
        try labels.store(stateDirectory: host.state)
        try labels.store(stateDirectory: host.state)
        #expect(try host.names(in: "state") == ["info.json"])
        #expect(CloudLabels(stateDirectory: host.state) == labels)
        #expect(throws: HostInfoError.self) { try labels.store(stateDirectory: host.directory + "/nowhere") }
    }

    @Test("in a file that cannot be read are none, and one that is no text costs only itself")
    func broken() throws {
        let host = try FakeHost()
        for text in ["", "{", "[]", #"{"label":"x"}"#] {
            try host.write("state/info.json", text)
            #expect(CloudLabels(stateDirectory: host.state) == nil)
        }
        try host.write("state/info.json", #"{"label":{"a":"1","b":{"c":"2"},"":"x","d":null,"e":"f"},"more":1}"#)
        #expect(CloudLabels(stateDirectory: host.state)?.labels == ["a": "1", "e": "f"])
    }
}
