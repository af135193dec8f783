import DockerEngine
import EngineStub
import LosslessJSON
import Model
import Runtime
import Synchronization
import Testing

@Suite("The observer", .timeLimit(.minutes(1)))
struct EngineObserverTests {
    /// What the observer reports, to be waited for.
    private final class Sights: Sendable {
        let all: AsyncStream<EngineObserver.Sight>
        private let input: AsyncStream<EngineObserver.Sight>.Continuation

        init() { (all, input) = AsyncStream.makeStream() }

        func append(_ sight: EngineObserver.Sight) { input.yield(sight) }

        /// Waits for so many losses of the stream.
        func losses(_ count: Int) async -> [String] {
            var reasons: [String] = []
            for await sight in all {
                if case .lost(let reason) = sight { reasons.append(reason) }
                if reasons.count == count { break }
            }
            return reasons
        }
    }

    /// Watches an engine without containers, whose event streams the test writes by their number from 1, until the body
    /// has seen enough.
    private func watch(
        streams: @escaping @Sendable (Int, StubConnection) async throws -> Void,
        _ body: (Sights, ContainerDirectory) async throws -> Void
    ) async throws -> [(call: StubRequest, at: ContinuousClock.Instant)] {
        let subscriptions = Collected<(call: StubRequest, at: ContinuousClock.Instant)>()
        try await withStub { request, connection in
            guard request.path.hasPrefix("/events") else { return try await connection.answer(200, "[]") }
            subscriptions.append((request, .now))
            try await streams(subscriptions.all.count, connection)
        } body: { stub in
            try await using(try stub.client()) { client in
                let (sights, directory) = (Sights(), ContainerDirectory())
                let observer = EngineObserver(engine: client, directory: directory, logger: .quiet)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { await observer.run { sights.append($0) } }
                    try await body(sights, directory)
                    group.cancelAll()
                }
            }
        }
        return subscriptions.all
    }

    private func since(_ request: StubRequest) -> String? {
        let query = request.path.split(separator: "?").last ?? ""
        return query.split(separator: "&").first { $0.hasPrefix("since=") }.map { String($0.dropFirst(6)) }
    }

    private static func event(_ seconds: Int, _ nanoseconds: Int = 0) -> String {
        let time = seconds * 1_000_000_000 + nanoseconds
        return #"{"Type":"container","Action":"start","Actor":{"ID":"c1","Attributes":{}},"timeNano":\#(time)}"#
    }

    @Test("goes on after the last event that it saw, however the stream ended")
    func goesOn() async throws {
        let subscriptions = try await watch { number, connection in
            try await connection.beginStream()
            switch number {
            case 1:
                try await connection.chunk(Self.event(7) + Self.event(5, 42))
                try await connection.endStream()
            case 2: try await connection.close()
            case 3:
                try await connection.chunk(Self.event(9))
                try await connection.close()
            default: try await connection.disconnected()
            }
        } _: { sights, directory in
            let reasons = await sights.losses(3)
            #expect(reasons.first == "the engine closed the event stream")
            for await sight in sights.all { if case .list = sight { break } }
            #expect(directory.contents.isComplete)
        }
        #expect(subscriptions.map { since($0.call) } == [nil, "7.000000000", "7.000000000", "9.000000000"])
    }

    @Test("does not ask again for an event that it could not read")
    func unreadable() async throws {
        let isSeen = EngineStub.Gate()
        let subscriptions = try await watch { number, connection in
            switch number {
            case 1:
                try await connection.beginStream()
                try await connection.chunk(Self.event(7))
                await isSeen.wait()
                try await connection.chunk("{no event}")
                try await connection.disconnected()
            case 2:
                try await connection.beginStream()
                try await connection.chunk(Self.event(9))
                try await connection.endStream()
            default:
                try await connection.beginStream()
                try await connection.disconnected()
            }
        } _: { sights, directory in
            for await sight in sights.all { if case .changed = sight { break } }
            isSeen.open()
            let reasons = await sights.losses(2)
            #expect(reasons.count == 2)
            for await sight in sights.all { if case .list = sight { break } }
            // The list tells what the unreadable event would have told.
            #expect(directory.contents.isComplete)
        }
        #expect(subscriptions.map { since($0.call) } == [nil, nil, "9.000000000"])
    }

    @Test(
        "does not wait for the end of a stream that begins with what it cannot read", arguments: ["{no event}", "}{"])
    func unreadableAtOnce(_ text: String) async throws {
        let subscriptions = try await watch { number, connection in
            try await connection.beginStream()
            if number == 1 { try await connection.chunk(text) }
            try await connection.disconnected()
        } _: { sights, directory in
            #expect(await sights.losses(1).count == 1)
            for await sight in sights.all { if case .list = sight { break } }
            #expect(directory.contents.isComplete)
        }
        #expect(subscriptions.count == 2)
    }

    /// What an observer sees of one container, of which the engine's lists show these states, the last one from then on.
    private func states(_ count: Int, lists: [ContainerState], event: String? = nil) async throws -> [ContainerState] {
        let asked = Collected<String>()
        let states = Collected<ContainerState>()
        try await withStub { request, connection in
            guard request.path.hasPrefix("/events") else {
                asked.append(request.path)
                let state = lists[min(asked.all.count, lists.count) - 1]
                return try await connection.answer(200, #"[{"Id":"c1","Names":["/c"],"State":"\#(state)"}]"#)
            }
            try await connection.beginStream()
            if let event { try await connection.chunk(event) }
            try await connection.disconnected()
        } body: { stub in
            try await using(try stub.client()) { client in
                let sights = Sights()
                let observer = EngineObserver(
                    engine: client, directory: ContainerDirectory(), logger: .quiet, settling: .milliseconds(50))
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { await observer.run { sights.append($0) } }
                    for await sight in sights.all {
                        if case .list(let containers) = sight { for each in containers { states.append(each.state) } }
                        if case .changed(let container) = sight { states.append(container.state) }
                        if states.all.count == count { break }
                    }
                    group.cancelAll()
                }
            }
        }
        return states.all
    }

    @Test("sees an end that the engine has told of before, and that its list shows only later")
    func settles() async throws {
        #expect(try await states(2, lists: [.running, .exited]) == [.running, .exited])
    }

    @Test("believes the end that the engine tells of, and asks again until its list shows that too")
    func staleLists() async throws {
        let end = #"{"Type":"container","Action":"die","Actor":{"ID":"c1"},"timeNano":1000000000}"#
        let seen = try await states(5, lists: [.running, .running, .running, .exited], event: end)
        #expect(seen == [.running, .exited, .exited, .exited, .exited])
    }

    @Test("sees that a container was stopped whose next start the engine was waiting for, which has no other end")
    func stoppedBetweenStarts() async throws {
        let stop = #"{"Type":"container","Action":"stop","Actor":{"ID":"c1"},"timeNano":1000000000}"#
        #expect(try await states(2, lists: [.restarting], event: stop) == [.restarting, .exited])
        // It may come late, after the container has been started again.
        #expect(try await states(2, lists: [.running], event: stop) == [.running, .running])
    }

    @Test("lists anew beside a stream of events that change nothing, and hears each of them")
    func chatter() async throws {
        let words = Collected<Int>()
        try await withStub { request, connection in
            guard request.path.hasPrefix("/events") else {
                // Long enough for some of the chatter to come in between.
                try await Task.sleep(for: .milliseconds(50))
                return try await connection.answer(200, "[]")
            }
            try await connection.beginStream()
            for second in 1...400 {
                let health =
                    #"{"Type":"container","Action":"exec_die","Actor":{"ID":"c1"},"timeNano":\#(second)000000000}"#
                try await connection.chunk(health)
                try await Task.sleep(for: .milliseconds(10))
            }
        } body: { stub in
            try await using(try stub.client()) { client in
                let sights = Sights()
                let observer = EngineObserver(
                    engine: client, directory: ContainerDirectory(), logger: .quiet,
                    relistInterval: .milliseconds(100), settling: .milliseconds(100), onWord: { words.append(1) })
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { await observer.run { sights.append($0) } }
                    var lists = 0
                    for await sight in sights.all {
                        guard case .list = sight else { break }
                        lists += 1
                        if lists == 4 { break }
                    }
                    #expect(lists == 4)
                    #expect(words.all.count > 20)
                    group.cancelAll()
                }
            }
        }
    }

    @Test("waits longer after every failure, and says each time that it sees nothing")
    func pauses() async throws {
        let subscriptions = try await watch { number, connection in
            try await connection.answer(500, #"{"message":"trouble"}"#)
        } _: { sights, directory in
            let reasons = await sights.losses(5)
            #expect(reasons == Array(repeating: "Error response from daemon: trouble", count: 5))
            #expect(!directory.contents.isComplete)
        }
        let pauses = zip(subscriptions.dropFirst(), subscriptions).map { $0.at - $1.at }
        #expect(pauses.count == 4)
        for (number, pause) in pauses.enumerated() {
            // 0.25 s, doubled each time, half of it left to chance.
            #expect(pause >= .milliseconds(125 << number), "pause \(number): \(pause)")
        }
    }
}
