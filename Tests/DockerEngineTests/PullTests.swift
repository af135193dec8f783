import DockerEngine
import EngineStub
import LosslessJSON
import NIOCore
import NIOHTTP1
import Testing

@Suite("Pulling an image", .timeLimit(.minutes(1)))
struct PullTests {
    @Test("Progress arrives whole and in order, wherever the chunks end", arguments: [1, 2, 3, 7, 1000])
    func borders(_ size: Int) async throws {
        let objects = (0..<20).map { #"{"status":"Ébene \#($0) }{","progressDetail":{"current":\#($0)}}"# }
        let bytes = Array(objects.joined(separator: "\r\n").utf8)
        try await withStub { _, connection in
            try await connection.beginStream()
            for start in stride(from: 0, to: bytes.count, by: size) {
                try await connection.chunk(bytes[start..<min(start + size, bytes.count)])
            }
            try await connection.endStream()
        } body: { stub in
            try await using(try stub.client()) { client in
                let seen = Collected<JSON>()
                try await client.pullImage(name: "quay.io/x/y", tag: "sha256:12", auth: nil) { seen.append($0) }
                #expect(seen.all.map(\.encodedText) == objects)
                let request = stub.calls.first
                #expect(request?.path == "/images/create?fromImage=quay.io%2Fx%2Fy&tag=sha256%3A12")
                #expect(request?.headers["content-length"] == ["0"])
                #expect(request?.headers["x-registry-auth"].isEmpty == true)
            }
        }
    }

    @Test("Credentials are sent in URL-safe base64 with padding, without empty members")
    func auth() async throws {
        let auth = RegistryAuth(username: "bob", password: "p>?~ÿ", email: "", serverAddress: "quay.io")
        #expect(
            auth.headerValue
                == "eyJ1c2VybmFtZSI6ImJvYiIsInBhc3N3b3JkIjoicD4_fsO_Iiwic2VydmVyYWRkcmVzcyI6InF1YXkuaW8ifQ==")
        try await withStub { _, connection in
            try await connection.answer(200)
        } body: { stub in
            try await using(try stub.client()) { client in
                try await client.pullImage(name: "x", tag: "1", auth: auth) { _ in }
                #expect(stub.calls.first?.headers["x-registry-auth"] == [auth.headerValue])
            }
        }
        var dumped = ""
        dump(auth, to: &dumped)
        for text in ["\(auth)", String(reflecting: auth), "\([auth])", "\(Optional(auth) as Any)", dumped] {
            #expect(!text.contains("p>?"))
        }
    }

    @Test(
        "A status of more than 64 KiB is read whole, and so is what follows it (defect 55)", arguments: [false, true])
    func longLines(_ fails: Bool) async throws {
        let long = String(repeating: "Ä", count: 100_000)
        let end = fails ? #"{"error":"\#(long) disk full"}"# : #"{"status":"Pull complete"}"#
        try await withStub { _, connection in
            try await connection.beginStream()
            let bytes = Array((#"{"status":"\#(long)"}"# + "\r\n" + end + "\r\n").utf8)
            for start in stride(from: 0, to: bytes.count, by: 30_001) {
                try await connection.chunk(bytes[start..<min(start + 30_001, bytes.count)])
            }
            try await connection.endStream()
        } body: { stub in
            try await using(try stub.client()) { client in
                let seen = Collected<JSON>()
                let error = await failure {
                    try await client.pullImage(name: "x", tag: "1", auth: nil) { seen.append($0) }
                }
                #expect(seen.all.first?["status"].text == long)
                #expect(seen.all.count == (fails ? 1 : 2))
                #expect(error?.kind == (fails ? .failedInStream : nil))
                #expect(error.map { $0.message.hasSuffix("disk full") } ?? true)
            }
        }
    }

    static let ends: [(stream: String?, kind: EngineError.Kind?)] = [
        (#"{"status":"Pull complete"}"#, nil), (#"{"error":"disk full"}"#, .failedInStream),
        (#"{"status":"Pull"#, .cut), (nil, .refused(status: 404)),
    ]

    @Test("Who observes calls hears once of a pull, when it has ended and how", arguments: ends)
    func observed(_ stream: String?, _ kind: EngineError.Kind?) async throws {
        try await withStub { _, connection in
            guard let stream else { return try await connection.answer(404) }
            try await connection.beginStream()
            try await connection.chunk(#"{"status":"Pulling"}"#)
            try await Task.sleep(for: .milliseconds(50))
            try await connection.chunk(stream)
            try await connection.endStream()
        } body: { stub in
            let calls = Collected<(call: String, took: Duration, kind: EngineError.Kind?)>()
            let client = try stub.client { calls.append(($0, $1, $2?.kind)) }
            try await using(client) { client in
                let error = await failure { try await client.pullImage(name: "x", tag: "1", auth: nil) { _ in } }
                #expect(error?.kind == kind)
                let pulls = calls.all.filter { $0.call == "POST images/create" }
                #expect(pulls.map(\.kind) == [kind])
                #expect(pulls.allSatisfy { stream == nil || $0.took >= .milliseconds(50) })
            }
        }
    }

    @Test("A refused pull carries the engine's text")
    func refused() async throws {
        try await withStub { _, connection in
            try await connection.answer(404, #"{"message":"manifest unknown"}"#)
        } body: { stub in
            try await using(try stub.client()) { client in
                let error = await failure { try await client.pullImage(name: "x", tag: "1", auth: nil) { _ in } }
                #expect(error?.kind == .refused(status: 404))
                #expect(error?.message == "manifest unknown")
            }
        }
    }

    @Test(
        "A login that the registry refuses is told from other failures, whatever status the engine has for it (defect 57)",
        arguments: [
            (500, #"Head \"https://r/v2/x\": unauthorized: incorrect username or password"#, 401),
            (500, #"Head \"https://r/v2/x\": no basic auth credentials"#, 401),
            (500, "unknown: unexpected status from HEAD request to http://r/v2/x/manifests/v1: 401 Unauthorized", 401),
            (401, "unauthorized: authentication required", 401), (500, "disk full", 500),
            (404, "pull access denied for x", 404),
        ])
    func refusedLogin(_ status: Int, _ text: String, _ expected: Int) async throws {
        try await withStub { _, connection in
            try await connection.answer(status, #"{"message":"\#(text)"}"#)
        } body: { stub in
            try await using(try stub.client()) { client in
                let error = await failure { try await client.pullImage(name: "x", tag: "1", auth: nil) { _ in } }
                #expect(error?.kind == .refused(status: expected))
                #expect(error?.message == text.replacing(#"\""#, with: "\""))
            }
        }
    }

    @Test(
        "An error in the stream fails the pull with its own text (defect 54)",
        arguments: [
            (#"{"errorDetail":{"message":"disk full"},"error":"Error: disk full"}"#, "disk full"),
            (#"{"error":"disk full"}"#, "disk full"), (#"{"error":""}"#, "unknown error"),
        ])
    func errorInStream(_ object: String, _ text: String) async throws {
        try await withStub { _, connection in
            try await connection.beginStream()
            try await connection.chunk(#"{"status":"Downloading"}"# + object)
            try await connection.endStream()
        } body: { stub in
            try await using(try stub.client()) { client in
                let seen = Collected<JSON>()
                let error = await failure {
                    try await client.pullImage(name: "x", tag: "1", auth: nil) { seen.append($0) }
                }
                #expect(error?.kind == .failedInStream)
                #expect(error?.description == text)
                #expect(seen.all == [["status": "Downloading"]])
            }
        }
    }

    @Test("A stream that breaks, or ends within an object, is a cut (defect 55)", arguments: [true, false])
    func broken(_ ends: Bool) async throws {
        try await withStub { _, connection in
            try await connection.beginStream()
            try await connection.chunk(#"{"status":"Downloading"}{"sta"#)
            if ends { try await connection.endStream() } else { try await connection.close() }
        } body: { stub in
            try await using(try stub.client()) { client in
                let error = await failure { try await client.pullImage(name: "x", tag: "1", auth: nil) { _ in } }
                #expect(error?.kind == .cut)
                #expect(error?.isUnknown == true)
            }
        }
    }

    @Test("A stream that breaks between two objects is a cut (defect 55)")
    func brokenBetween() async throws {
        try await withStub { _, connection in
            try await connection.beginStream()
            try await connection.chunk(#"{"status":"Downloading"}"#)
            try await connection.close()
        } body: { stub in
            try await using(try stub.client()) { client in
                let error = await failure { try await client.pullImage(name: "x", tag: "1", auth: nil) { _ in } }
                #expect(error?.kind == .cut)
            }
        }
    }

    @Test("A stream that is no JSON is a bad answer")
    func noJSON() async throws {
        try await withStub { _, connection in
            try await connection.answer(200, "hello")
        } body: { stub in
            try await using(try stub.client()) { client in
                let error = await failure { try await client.pullImage(name: "x", tag: "1", auth: nil) { _ in } }
                #expect(error?.kind == .badAnswer)
            }
        }
    }

    @Test(
        "A silent pull times out, before and after its beginning, and the engine sees it go (defect 58)",
        arguments: [true, false])
    func silence(_ begins: Bool) async throws {
        let gone = Gate()
        try await withStub { _, connection in
            if begins {
                try await connection.beginStream()
                try await connection.chunk(#"{"status":"Downloading"}"#)
            }
            try await connection.disconnected()
            gone.open()
        } body: { stub in
            var deadlines = Deadlines()
            deadlines.pullInactivity = .seconds(1)
            try await using(try stub.client(deadlines: deadlines)) { client in
                let error = await failure { try await client.pullImage(name: "x", tag: "1", auth: nil) { _ in } }
                #expect(error?.kind == .timedOut)
                await gone.wait()
            }
        }
    }

    @Test("An engine that says the same again and again has nothing to say (defect 58)")
    func repetition() async throws {
        let gone = Gate()
        // Docker 28.5 with its images in containerd, ten times a second, while the registry is silent.
        let layers = ["2cfa27c0e75d", "78a12c82e8cc"].map { layer in
            #"{"status":"Downloading","progressDetail":{"current":3145728,"total":8389855},"id":"\#(layer)"}"#
        }
        try await withStub { _, connection in
            try await connection.beginStream()
            for number in 0..<200 {
                // The last of them never comes: the client is gone by then.
                do { try await connection.chunk(layers[number % 2] + "\r\n") } catch { break }
                try await Task.sleep(for: .milliseconds(100))
            }
            gone.open()
        } body: { stub in
            var deadlines = Deadlines()
            deadlines.pullInactivity = .seconds(1)
            try await using(try stub.client(deadlines: deadlines)) { client in
                let start = ContinuousClock.now
                let error = await failure { try await client.pullImage(name: "x", tag: "1", auth: nil) { _ in } }
                #expect(error?.kind == .timedOut)
                #expect(ContinuousClock.now - start < .seconds(15))
                await gone.wait()
            }
        }
    }

    @Test("An engine that says blanks, or one letter now and then, says nothing", arguments: [" ", "x"])
    func drip(_ drop: String) async throws {
        let gone = Gate()
        try await withStub { _, connection in
            try await connection.beginStream()
            try? await connection.chunk(drop == "x" ? "{\"status\":\"" : drop)
            for _ in 0..<200 {
                do { try await connection.chunk(drop) } catch { break }
                try await Task.sleep(for: .milliseconds(100))
            }
            gone.open()
        } body: { stub in
            var deadlines = Deadlines()
            deadlines.pullInactivity = .seconds(1)
            try await using(try stub.client(deadlines: deadlines)) { client in
                let start = ContinuousClock.now
                let error = await failure { try await client.pullImage(name: "x", tag: "1", auth: nil) { _ in } }
                #expect(error?.kind == .timedOut)
                #expect(ContinuousClock.now - start < .seconds(15))
                await gone.wait()
            }
        }
    }

    @Test("A pull may take longer than the silence it is allowed")
    func slow() async throws {
        try await withStub { _, connection in
            try await connection.beginStream()
            for number in 0..<12 {
                try await Task.sleep(for: .milliseconds(200))
                try await connection.chunk(
                    #"{"status":"Downloading","progressDetail":{"current":\#(number)},"id":"2cfa"}"#)
            }
            try await connection.endStream()
        } body: { stub in
            var deadlines = Deadlines()
            deadlines.pullInactivity = .seconds(2)
            try await using(try stub.client(deadlines: deadlines)) { client in
                let seen = Collected<JSON>()
                try await client.pullImage(name: "x", tag: "1", auth: nil) { seen.append($0) }
                #expect(seen.all.count == 12)
            }
        }
    }

    @Test("A pull that is given up is given up by the engine, too (defect 58)")
    func cancelled() async throws {
        let arrived = Gate()
        let gone = Gate()
        try await withStub { _, connection in
            try await connection.beginStream()
            try await connection.chunk(#"{"status":"Downloading"}"#)
            try await connection.disconnected()
            gone.open()
        } body: { stub in
            try await using(try stub.client()) { client in
                let pull = Task {
                    await failure {
                        try await client.pullImage(name: "x", tag: "1", auth: nil) { _ in arrived.open() }
                    }
                }
                await arrived.wait()
                pull.cancel()
                #expect(await pull.value?.kind == .cancelled)
                await gone.wait()
            }
        }
    }
}
