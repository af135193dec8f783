import DockerEngine
import EngineStub
import Foundation
import LosslessJSON
import NIOCore
import Testing

@Suite("The errors of calls", .timeLimit(.minutes(1)))
struct EngineErrorTests {
    @Test("A missing socket is unreachable, at once and in Docker's words")
    func missingSocket() async throws {
        let path = socketPath()
        let endpoint = try EngineEndpoint(dockerHost: "unix://\(path)")
        try await using(try EngineClient(endpoint: endpoint, logger: .quiet)) { client in
            let start = ContinuousClock.now
            let error = await failure { _ = try await client.createContainer(name: nil, body: [:]) }
            #expect(ContinuousClock.now - start < .seconds(3))
            #expect(error?.kind == .unreachable)
            #expect(error?.isUnknown == false)
            #expect(
                error?.description
                    == "Cannot connect to the Docker daemon at unix://\(path). Is the docker daemon running?")
            #expect(error?.call == "POST /containers/create")
            #expect(error?.cause?.contains("No such file") == true)
            #expect(await failure { try await client.ping() }?.kind == .unreachable)
        }
    }

    @Test("A refused TCP connection is unreachable, at once")
    func refusedConnection() async throws {
        // Port 1 has nobody listening.
        let endpoint = try EngineEndpoint(dockerHost: "tcp://127.0.0.1:1")
        try await using(try EngineClient(endpoint: endpoint, logger: .quiet)) { client in
            let start = ContinuousClock.now
            #expect(await failure { _ = try await client.info() }?.kind == .unreachable)
            #expect(ContinuousClock.now - start < .seconds(3))
        }
    }

    @Test("An engine that goes away after the negotiation is unreachable, and the version is forgotten")
    func goneAfterNegotiation() async throws {
        let path = socketPath()
        let endpoint = try EngineEndpoint(dockerHost: "unix://\(path)")
        try await using(try EngineClient(endpoint: endpoint, logger: .quiet)) { client in
            try await withStub(version: "1.40", socket: path) { _, connection in
                try await connection.answer(204)
            } body: { _ in
                try await client.startContainer("a")
                #expect(client.apiVersion == APIVersion(1, 40))
            }
            #expect(await failure { try await client.startContainer("a") }?.kind == .unreachable)
            #expect(client.apiVersion == nil)
            try await withStub(version: "1.41", socket: path) { _, connection in
                try await connection.answer(204)
            } body: { stub in
                try await client.startContainer("a")
                #expect(stub.calls.map(\.uri) == ["/v1.41/containers/a/start"])
            }
        }
    }

    @Test("A connection lost before the head of the answer is a cut, and the call is made once only")
    func cutBeforeHead() async throws {
        try await withStub { _, connection in
            try await connection.close()
        } body: { stub in
            try await using(try stub.client()) { client in
                let error = await failure { try await client.startContainer("a") }
                #expect(error?.kind == .cut)
                #expect(error?.isUnknown == true)
                #expect(stub.calls.count == 1)
            }
        }
    }

    @Test("A connection lost within the head of the answer is a cut")
    func cutWithinHead() async throws {
        try await withStub { _, connection in
            try await connection.send("HTTP/1.1 200 OK\r\nContent-Le")
            try await connection.close()
        } body: { stub in
            try await using(try stub.client()) { client in
                #expect(await failure { try await client.startContainer("a") }?.kind == .cut)
                #expect(stub.calls.count == 1)
            }
        }
    }

    @Test(
        "Half a body is a bad answer",
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Id\":",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{\"Id\":\r\n",
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"Id\":",
        ])
    func halfABody(_ answer: String) async throws {
        try await withStub { _, connection in
            try await connection.send(answer)
            try await connection.close()
        } body: { stub in
            try await using(try stub.client()) { client in
                let error = await failure { _ = try await client.createContainer(name: "a", body: [:]) }
                #expect(error?.kind == .badAnswer)
                #expect(error?.isUnknown == true)
            }
        }
    }

    @Test("A body that is no JSON, or not the expected JSON, is a bad answer")
    func wrongBody() async throws {
        try await withStub { request, connection in
            try await connection.answer(200, request.path.hasPrefix("/containers/json") ? "{}" : "hello")
        } body: { stub in
            try await using(try stub.client()) { client in
                #expect(await failure { _ = try await client.inspectContainer("a") }?.kind == .badAnswer)
                #expect(await failure { _ = try await client.listContainers(all: true) }?.kind == .badAnswer)
            }
        }
    }

    @Test("A body beyond the bound is a bad answer, announced or not")
    func tooLarge() async throws {
        try await withStub { request, connection in
            if request.path.contains("announced") {
                try await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n")
                try await connection.disconnected()
            } else {
                try await connection.beginStream()
                let megabyte = [UInt8](repeating: 0x20, count: 1 << 20)
                for _ in 0..<9 { try await connection.chunk(megabyte) }
                try await connection.endStream()
            }
        } body: { stub in
            try await using(try stub.client()) { client in
                #expect(await failure { _ = try await client.inspectContainer("announced") }?.kind == .badAnswer)
                #expect(await failure { _ = try await client.inspectContainer("streamed") }?.kind == .badAnswer)
            }
        }
    }

    @Test("A redirect is not followed and is a bad answer")
    func redirect() async throws {
        try await withStub { _, connection in
            try await connection.answer(301, "", [("Location", "/v1.51/containers/json")])
        } body: { stub in
            try await using(try stub.client()) { client in
                #expect(await failure { _ = try await client.inspectContainer("a") }?.kind == .badAnswer)
                #expect(stub.calls.count == 1)
            }
        }
    }

    @Test(
        "A refusal carries the engine's text",
        arguments: [
            (404, #"{"message":"No such container: a"}"#, "No such container: a"),
            (500, "  plain text\n", "plain text"), (409, "", "Conflict"), (400, #"{"other":1}"#, #"{"other":1}"#),
        ])
    func refusal(_ status: Int, _ body: String, _ text: String) async throws {
        try await withStub { _, connection in
            try await connection.answer(status, body)
        } body: { stub in
            try await using(try stub.client()) { client in
                let error = await failure { try await client.removeContainer("a", removeVolumes: true, force: true) }
                #expect(error?.kind == .refused(status: status))
                #expect(error?.message == text)
                #expect(error?.description == "Error response from daemon: \(text)")
                #expect(error?.isNotFound == (status == 404))
                #expect(error?.isConflict == (status == 409))
                #expect(error?.status == status)
                #expect(error?.isUnknown == false)
            }
        }
    }

    @Test("A refusal whose body is cut is a refusal still")
    func cutRefusal() async throws {
        try await withStub { _, connection in
            try await connection.send("HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\n{\"mess")
            try await connection.close()
        } body: { stub in
            try await using(try stub.client()) { client in
                #expect(await failure { _ = try await client.inspectContainer("a") }?.isNotFound == true)
            }
        }
    }

    @Test("A call that is not answered times out at its deadline, and the engine sees it go (defect 86)")
    func deadlineBeforeHead() async throws {
        let gone = Gate()
        try await withStub { _, connection in
            try await connection.disconnected()
            gone.open()
        } body: { stub in
            var deadlines = Deadlines()
            deadlines.create = .seconds(1)
            try await using(try stub.client(deadlines: deadlines)) { client in
                let start = ContinuousClock.now
                let error = await failure { _ = try await client.createContainer(name: nil, body: [:]) }
                #expect(error?.kind == .timedOut)
                #expect(error?.isUnknown == true)
                #expect(ContinuousClock.now - start < .seconds(20))
                await gone.wait()
                #expect(stub.calls.count == 1)
            }
        }
    }

    @Test("The deadline covers the body")
    func deadlineWithinBody() async throws {
        try await withStub { request, connection in
            try await connection.send("HTTP/1.1 \(request.path.contains("bad") ? 500 : 200) OK\r\n")
            try await connection.send("Content-Length: 10\r\n\r\n{")
            try await connection.disconnected()
        } body: { stub in
            var deadlines = Deadlines()
            deadlines.inspect = .seconds(2)
            try await using(try stub.client(deadlines: deadlines)) { client in
                #expect(await failure { _ = try await client.inspectContainer("a") }?.kind == .timedOut)
                // The status was there in time.
                #expect(await failure { _ = try await client.inspectContainer("bad") }?.status == 500)
            }
        }
    }

    @Test("The grace period of a stop is added to its deadline")
    func stopDeadline() async throws {
        #expect(Deadlines().stop(graceSeconds: 10) == .seconds(25))
        #expect(Deadlines().stop(graceSeconds: -1) == .seconds(15))
        let capped = Deadlines().capped(at: .seconds(1))
        #expect(capped.stop(graceSeconds: 10) == .seconds(11))
        #expect(capped.create == .seconds(1))
        #expect(Deadlines().capped(at: .seconds(1000)) == Deadlines())
    }

    @Test("A cancelled task's call ends at once as cancelled")
    func cancellation() async throws {
        let arrived = Gate()
        try await withStub { _, connection in
            arrived.open()
            try await connection.disconnected()
        } body: { stub in
            try await using(try stub.client()) { client in
                let call = Task { await failure { _ = try await client.inspectContainer("a") } }
                await arrived.wait()
                call.cancel()
                #expect(await call.value?.kind == .cancelled)
            }
        }
    }

    @Test("Hung calls do not hold up others")
    func hungCalls() async throws {
        let hung = Collected<Void>()
        let release = Gate()
        try await withStub { request, connection in
            if request.path.contains("hung") {
                hung.append(())
                await release.wait()
            }
            try await connection.answer(200, "{}")
        } body: { stub in
            try await using(try stub.client()) { client in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<50 {
                        group.addTask { _ = try await client.inspectContainer("hung-\(number)") }
                    }
                    while hung.all.count < 50 { await Task.yield() }
                    let quick = try await client.inspectContainer("quick")
                    #expect(quick == [:])
                    release.open()
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test("A client that was shut down says cancelled")
    func afterShutdown() async throws {
        try await withStub { _, connection in
            try await connection.answer(200, "{}")
        } body: { stub in
            let client = try stub.client()
            _ = try await client.info()
            await client.shutdown()
            #expect(await failure { _ = try await client.info() }?.kind == .cancelled)
        }
    }

    @Test("An id that would change the path is refused before anything is sent", arguments: ["", ".", ".."])
    func emptyID(_ id: String) async throws {
        try await withStub { _, connection in
            try await connection.answer(200, "{}")
        } body: { stub in
            try await using(try stub.client()) { client in
                #expect(
                    await failure { try await client.removeContainer(id, removeVolumes: true, force: true) }?.kind
                        == .configuration)
                #expect(await failure { _ = try await client.inspectImage("a/\(id)/b") }?.kind == .configuration)
                #expect(await failure { try await client.removeVolume(id, force: true) }?.kind == .configuration)
                #expect(stub.requests.all.isEmpty)
            }
        }
    }
}
