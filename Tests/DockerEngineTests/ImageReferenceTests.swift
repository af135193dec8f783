import DockerEngine
import Testing

@Suite("References of images")
struct ImageReferenceTests {
    static let hex = String(repeating: "0123456789abcdef", count: 4)

    @Test(
        "A reference is read in its normalised form",
        arguments: [
            ("nginx", "docker.io", "library/nginx", "nginx", "latest"),
            ("library/nginx:1.13", "docker.io", "library/nginx", "nginx", "1.13"),
            ("bob/app", "docker.io", "bob/app", "bob/app", "latest"),
            ("docker.io/nginx", "docker.io", "library/nginx", "nginx", "latest"),
            ("index.docker.io/x", "docker.io", "library/x", "x", "latest"),
            ("index.docker.io/x/y:z", "docker.io", "x/y", "x/y", "z"),
            ("localhost/x", "localhost", "x", "localhost/x", "latest"),
            ("localhost:5000/x:2", "localhost:5000", "x", "localhost:5000/x", "2"),
            ("quay.io/library/x", "quay.io", "library/x", "quay.io/library/x", "latest"),
            ("library/x/y", "docker.io", "library/x/y", "library/x/y", "latest"),
            ("Host/x", "Host", "x", "Host/x", "latest"),
            ("[::1]:5000/x", "[::1]:5000", "x", "[::1]:5000/x", "latest"),
            ("f/a--b__c.d_e", "docker.io", "f/a--b__c.d_e", "f/a--b__c.d_e", "latest"),
            ("x:_T.a-g", "docker.io", "library/x", "x", "_T.a-g"),
        ])
    func normalised(_ text: String, _ domain: String, _ path: String, _ familiar: String, _ tag: String) throws {
        let reference = try ImageReference(text)
        #expect(reference.domain == domain)
        #expect(reference.path == path)
        #expect(reference.familiarName == familiar)
        #expect(reference.pullTag == tag)
        #expect(try ImageReference(reference.description) == reference)
    }

    @Test("A digest goes before a tag")
    func digest() throws {
        let reference = try ImageReference("host:5000/x/y:1@sha256:\(Self.hex)")
        #expect(reference.domain == "host:5000")
        #expect(reference.path == "x/y")
        #expect(reference.tag == "1")
        #expect(reference.digest == "sha256:\(Self.hex)")
        #expect(reference.pullTag == "sha256:\(Self.hex)")
        #expect(reference.description == "host:5000/x/y:1@sha256:\(Self.hex)")
    }

    @Test(
        "What is no reference is refused with a reason",
        arguments: [
            ("", "empty"), ("Nginx", "lowercase"), ("x/Y", "lowercase"), ("x:", "tag"), ("x:-a", "tag"),
            ("x:a b", "tag"), ("x:" + String(repeating: "a", count: 129), "tag"), ("x@sha256:12", "digest"),
            ("x@", "digest"), ("x@md5", "digest"), ("/x", "name"), ("x/", "name"), ("x//y", "name"),
            ("a/../b", "name"), ("-x/y", "name"), ("x-/y", "name"), ("x___y", "name"), ("x..y", "name"),
            ("x y", "name"), ("x?y", "name"), ("ho st.de/x", "registry"), ("-a.b/x", "registry"),
            ("a.b:c/x", "registry"),
            (":5000/x", "registry"), ("[x]:5/y", "registry"), (hex, "image id"), ("é", "name"),
            (String(repeating: "a", count: 256), "255"),
        ])
    func refused(_ text: String, _ reason: String) {
        let error = #expect(throws: EngineError.self) { try ImageReference(text) }
        #expect(error?.kind == .configuration)
        #expect(error?.message.contains(reason) == true)
    }
}
