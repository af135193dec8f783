import DockerEngine
import EngineStub
import LosslessJSON
import NIOCore
import Testing

@Suite("Following events", .timeLimit(.minutes(1)))
struct EventTests {
    static func event(_ number: Int) -> String {
        let actor = #"{"ID":"c\#(number)","Attributes":{"exitCode":"0"}}"#
        return #"{"Type":"container","Action":"die","Actor":\#(actor),"timeNano":\#(number)}"#
    }

    @Test("The stream is open before the first event, and the request says what is wanted")
    func opens() async throws {
        let opened = Gate()
        try await withStub { _, connection in
            try await connection.beginStream()
            await opened.wait()
            for number in 1...3 { try await connection.chunk(Self.event(number) + "\n") }
            try await connection.endStream()
        } body: { stub in
            try await using(try stub.client()) { client in
                var seen: [EngineEvent] = []
                try await client.withContainerEvents(since: EngineTime(nanoseconds: 1_700_000_000_000_000_042)) {
                    #expect(seen.isEmpty)
                    opened.open()
                } onEvent: {
                    seen.append($0)
                }
                #expect(seen.map(\.actorID) == ["c1", "c2", "c3"])
                #expect(seen.first?.action == "die")
                #expect(seen.first?.attributes == ["exitCode": "0"])
                #expect(seen.map(\.timeNano) == [1, 2, 3])
                #expect(
                    stub.calls.first?.path
                        == "/events?since=1700000000.000000042&filters=%7B%22type%22%3A%5B%22container%22%5D%7D")
            }
        }
    }

    @Test(
        "Docker's engine is asked for nothing but what is of interest, any other for all events",
        arguments: [("Docker/28.5.2 (linux)", true), ("Libpod/4.3.1 (linux)", false), (nil, false)])
    func selects(server: String?, isSelective: Bool) async throws {
        try await withStub(version: nil) { request, connection in
            if request.uri == "/_ping" {
                let headers = server.map { [("Api-Version", "1.41"), ("Server", $0)] }
                return try await connection.answer(200, "OK", headers ?? [("Api-Version", "1.41")])
            }
            try await connection.beginStream()
            try await connection.chunk(Self.event(1))
            try await connection.endStream()
        } body: { stub in
            try await using(try stub.client()) { client in
                var seen: [String] = []
                try await client.withContainerEvents(["start", "destroy"]) {
                } onEvent: {
                    seen.append($0.action)
                }
                // What is sent all the same is delivered.
                #expect(seen == ["die"])
            }
            let actions = "%2C%22event%22%3A%5B%22start%22%2C%22destroy%22%5D"
            #expect(
                stub.calls.first?.path
                    == "/events?filters=%7B%22type%22%3A%5B%22container%22%5D\(isSelective ? actions : "")%7D")
        }
    }

    @Test("Events are received while the opening is dealt with")
    func bufferedWhileOpening() async throws {
        let sent = Gate()
        try await withStub { _, connection in
            try await connection.beginStream()
            for number in 1...2000 { try await connection.chunk(Self.event(number)) }
            try await connection.endStream()
            sent.open()
        } body: { stub in
            try await using(try stub.client()) { client in
                var seen = 0
                try await client.withContainerEvents {
                    // More than the kernel holds: this returns only if the events are being received.
                    await sent.wait()
                } onEvent: { _ in
                    seen += 1
                }
                #expect(seen == 2000)
            }
        }
    }

    @Test("More events than may wait break the stream, after those that waited")
    func overflow() async throws {
        let gone = Gate()
        try await withStub { _, connection in
            try await connection.beginStream()
            for number in 1...20 { try await connection.chunk(Self.event(number)) }
            try await connection.disconnected()
            gone.open()
        } body: { stub in
            try await using(try stub.client()) { client in
                var seen = 0
                let error = await failure {
                    try await client.withContainerEvents(bufferLimit: 10) {
                        await gone.wait()
                    } onEvent: { _ in
                        seen += 1
                    }
                }
                #expect(error?.kind == .cut)
                #expect(seen == 10)
            }
        }
    }

    @Test("A broken stream is a cut after the events before it", arguments: [true, false])
    func cut(_ withinEvent: Bool) async throws {
        try await withStub { _, connection in
            try await connection.beginStream()
            try await connection.chunk(Self.event(1) + (withinEvent ? #"{"Type"# : ""))
            try await connection.close()
        } body: { stub in
            try await using(try stub.client()) { client in
                var seen = 0
                let error = await failure {
                    try await client.withContainerEvents {
                    } onEvent: { _ in
                        seen += 1
                    }
                }
                #expect(error?.kind == .cut)
                #expect(seen == 1)
                #expect(client.apiVersion == nil)
            }
        }
    }

    @Test("A subscription that is not accepted times out, and a refused one carries the engine's text")
    func notAccepted() async throws {
        try await withStub { request, connection in
            if request.uri.contains("since") {
                try await connection.answer(400, #"{"message":"bad since"}"#)
            } else {
                try await connection.disconnected()
            }
        } body: { stub in
            var deadlines = Deadlines()
            deadlines.eventsAccepted = .seconds(2)
            try await using(try stub.client(deadlines: deadlines)) { client in
                let opened = Collected<Void>()
                let hung = await failure {
                    try await client.withContainerEvents {
                        opened.append(())
                    } onEvent: { _ in
                    }
                }
                #expect(hung?.kind == .timedOut)
                let refused = await failure {
                    try await client.withContainerEvents(since: EngineTime(nanoseconds: 1)) {
                        opened.append(())
                    } onEvent: { _ in
                    }
                }
                #expect(refused?.message == "bad since")
                #expect(opened.all.isEmpty)
            }
        }
    }

    @Test("A cancelled subscription ends at once, and the engine sees it go")
    func cancelled() async throws {
        let opened = Gate()
        let gone = Gate()
        try await withStub { _, connection in
            try await connection.beginStream()
            try await connection.disconnected()
            gone.open()
        } body: { stub in
            try await using(try stub.client()) { client in
                let subscription = Task {
                    await failure {
                        try await client.withContainerEvents {
                            opened.open()
                        } onEvent: { _ in
                        }
                    }
                }
                await opened.wait()
                subscription.cancel()
                #expect(await subscription.value?.kind == .cancelled)
                await gone.wait()
            }
        }
    }

    @Test("What the receiver throws ends the subscription and comes through")
    func receiverThrows() async throws {
        struct Enough: Error {}
        let gone = Gate()
        try await withStub { _, connection in
            try await connection.beginStream()
            try await connection.chunk(Self.event(1))
            try await connection.disconnected()
            gone.open()
        } body: { stub in
            try await using(try stub.client()) { client in
                await #expect(throws: Enough.self) {
                    try await client.withContainerEvents {
                    } onEvent: { _ in
                        throw Enough()
                    }
                }
                await gone.wait()
                await #expect(throws: Enough.self) {
                    try await client.withContainerEvents {
                        throw Enough()
                    } onEvent: { _ in
                    }
                }
            }
        }
    }

    @Test("Events of old engines and other things are read")
    func reading() throws {
        let legacy = EngineEvent(try JSON(parsing: #"{"status":"start","id":"abc","from":"nginx","time":1700000000}"#))
        #expect(
            legacy
                == EngineEvent(
                    type: "container", action: "start", actorID: "abc", attributes: ["image": "nginx"],
                    timeNano: 1_700_000_000_000_000_000))
        let both = EngineEvent(
            try JSON(
                parsing: #"""
                    {"status":"exec_create: sh","id":"abc","from":"nginx","Type":"container","Action":"exec_create: sh",
                     "Actor":{"ID":"abc","Attributes":{"image":"nginx:1","n":1}},"time":1,"timeNano":1000000002}
                    """#))
        #expect(both?.action == "exec_create: sh")
        #expect(both?.attributes == ["image": "nginx:1", "n": "1"])
        #expect(both?.time.description == "1.000000002")
        #expect(EngineEvent(["Type": "container"]) == nil)
        #expect(EngineEvent([]) == nil)
    }
}
