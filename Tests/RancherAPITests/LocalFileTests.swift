import Glibc
import NIOHTTP1
import RancherAPI
import Testing

@Suite("The registration token")
struct RegistrationTokenTests {
    @Test("is made once, for the owner's eyes only, in directories made on the way (defect 7)")
    func made() async throws {
        try await withTemporaryDirectory { directory in
            let state = "\(directory)/var/lib/state"
            let token = try RegistrationToken.load(directory: state)
            #expect(token.count == 128)
            #expect(token.allSatisfy { "0123456789abcdef".contains($0) })
            #expect(try RegistrationToken.load(directory: state + "/") == token)
            #expect(try TestFiles.read("\(state)/.registration_token") == token)
            #expect(try TestFiles.mode("\(state)/.registration_token") == 0o600)
            #expect(try TestFiles.mode(state) == 0o755)
            #expect(try TestFiles.names(in: state) == [".registration_token"], "no temporary file is left")
            let other = try RegistrationToken.load(directory: "\(directory)/other")
            #expect(other != token)
        }
    }

    @Test("is read without the white space that a script wrote (defect 7)")
    func trimmed() async throws {
        try await withTemporaryDirectory { directory in
            try TestFiles.write(" abc123\r\n\n", to: "\(directory)/.registration_token")
            #expect(try RegistrationToken.load(directory: directory) == "abc123")
        }
    }

    @Test("is made anew if a crash left an empty file (defect 7)", arguments: ["", "\n", "  "])
    func empty(content: String) async throws {
        try await withTemporaryDirectory { directory in
            try TestFiles.write(content, to: "\(directory)/.registration_token")
            let token = try RegistrationToken.load(directory: directory)
            #expect(token.count == 128)
            #expect(try TestFiles.read("\(directory)/.registration_token") == token)
            #expect(try TestFiles.mode("\(directory)/.registration_token") == 0o600)
        }
    }

    @Test("is made without a trace of lives that were killed while they made it, and nobody else's file is touched")
    func remains() async throws {
        try await withTemporaryDirectory { directory in
            let name = ".registration_token"
            // Whose number is that of a process that lives, was left all the same: in a container numbers come again.
            let left = ["\(name).999999999.17.tmp", "\(name).\(getpid()).17.tmp", "\(name).1.17.tmp"]
            let others = ["\(name).x.tmp", "other.999999999.17.tmp"]
            for file in left + others { try TestFiles.write("half", to: "\(directory)/\(file)") }
            // In another container another process has the same number, and is writing.
            let writing = "\(name).\(getpid()).18.tmp"
            try TestFiles.write("half", to: "\(directory)/\(writing)")
            let descriptor = open("\(directory)/\(writing)", O_RDWR)
            defer { close(descriptor) }
            #expect(flock(descriptor, LOCK_EX) == 0)
            _ = try RegistrationToken.load(directory: directory)
            #expect(try TestFiles.names(in: directory).sorted() == ([name, writing] + others).sorted())
        }
    }

    @Test("is not replaced if it cannot be read")
    func unreadable() async throws {
        try await withTemporaryDirectory { directory in
            try TestFiles.makeDirectory("\(directory)/.registration_token")
            let error = #expect(throws: RancherError.self) { try RegistrationToken.load(directory: directory) }
            #expect(error?.code == .local)
            #expect(error?.message.contains(".registration_token") == true)
        }
    }
}

@Suite("The server's public key")
struct APICertificateTests {
    @Test("is the first block, whatever follows")
    func firstBlock() throws {
        let key = TestKeys.rsaPublicKey
        for text in [
            key, key + key, key + "-----BEGIN PUB", "\n\n" + key, key.split(separator: "\n").joined(separator: "\r\n"),
            String(key.dropLast()), "a comment\n" + key,
        ] {
            #expect(try APICertificate.firstPublicKey(in: text) == key)
        }
    }

    @Test("is refused if it is anything else (defect 9)")
    func refused() {
        let key = TestKeys.rsaPublicKey
        for text in [
            "", "<html></html>", TestKeys.certificate, TestKeys.certificate + key, TestKeys.ellipticPublicKey,
            String(key.prefix(100)), key.replacing("MIIB", with: "MIIC"), key.replacing("ANBgk", with: "!!!!!"),
            "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        ] {
            let error = #expect(throws: RancherError.self) { try APICertificate.firstPublicKey(in: text) }
            #expect(error?.code == .badAnswer)
        }
    }

    @Test("is fetched without credentials and put in place, also when it is sent twice under one length")
    func fetched() async throws {
        let respond: @Sendable (StubRequest) -> StubResponse? = { request in
            guard request.path == "/v3/scripts/api.crt" else { return StubResponse(status: .notFound) }
            return StubResponse(
                body: TestKeys.rsaPublicKey + TestKeys.rsaPublicKey, contentLength: TestKeys.rsaPublicKey.utf8.count)
        }
        try await StubServer.run(respond: respond) { server in
            try await withHTTPClient { client in
                try await withTemporaryDirectory { directory in
                    let path = "\(directory)/etc/cattle/api.crt"
                    let certificate = APICertificate(url: try server.url("/v3/"), path: path)
                    try await certificate.fetch(httpClient: client)
                    try await certificate.fetch(httpClient: client)
                    #expect(try TestFiles.read(path) == TestKeys.rsaPublicKey)
                    #expect(try TestFiles.mode("\(directory)/etc/cattle") == 0o755)
                    #expect(server.requests.allSatisfy { $0.authorization == nil })
                }
            }
        }
    }

    @Test("stays as it was when there is no new one (defect 8)")
    func kept() async throws {
        let bad: [StubResponse] = [
            StubResponse(status: .internalServerError, body: TestKeys.rsaPublicKey), StubResponse(body: "<html>"),
            StubResponse(status: .noContent), StubResponse(isHangUp: true), StubResponse(body: "half", neverEnds: true),
        ]
        for response in bad {
            try await StubServer.run(respond: { _ in response }) { server in
                try await withHTTPClient { client in
                    try await withTemporaryDirectory { directory in
                        let path = "\(directory)/api.crt"
                        try TestFiles.write("old", to: path)
                        var certificate = APICertificate(url: try server.url(), path: path)
                        certificate.deadline = .milliseconds(300)
                        await #expect(throws: RancherError.self) { try await certificate.fetch(httpClient: client) }
                        #expect(try TestFiles.read(path) == "old")
                        #expect(try TestFiles.names(in: directory) == ["api.crt"])
                    }
                }
            }
        }
    }
}
