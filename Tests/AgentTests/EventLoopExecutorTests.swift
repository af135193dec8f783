import AsyncHTTPClient
import Deadline
import EngineStub
import FakeHost
import Foundation
import HostInfo
import Model
import NIOCore
import NIOPosix
import Runtime
import StoragePlugin
import Testing

@testable import Agent

@Suite("The executor of an event loop", .timeLimit(.minutes(1)))
struct EventLoopExecutorTests {
    private func withLoop(_ body: (any EventLoop, EventLoopExecutor) async throws -> Void) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let result: Result<Void, any Error>
        do { result = .success(try await body(loop, EventLoopExecutor(loop))) } catch { result = .failure(error) }
        try await group.shutdownGracefully()
        try result.get()
    }

    @Test("runs tasks on its loop, their children too, and brings them back after every wait")
    func loop() async throws {
        try await withLoop { loop, executor in
            let places = await withTaskGroup(of: [Bool].self) { group in
                group.addTask(executorPreference: executor) {
                    var places = [loop.inEventLoop]
                    // Woken by a thread that has nothing to do with the loop.
                    await withCheckedContinuation { waiter in
                        DispatchQueue.global().async { waiter.resume() }
                    }
                    places.append(loop.inEventLoop)
                    await pass(.milliseconds(1))
                    places.append(loop.inEventLoop)
                    async let child = loop.inEventLoop
                    places.append(await child)
                    return places
                }
                return await group.next()
            }
            #expect(places == [true, true, true, true])
        }
    }

    @Test("runs them in the order in which they come, wherever they come from", arguments: [false, true])
    func order(fromTheLoop: Bool) async throws {
        try await withLoop { loop, executor in
            let seen = Collected<Int>()
            let tasks =
                fromTheLoop
                ? try await loop.submit { Self.begin(on: executor, seen) }.get() : Self.begin(on: executor, seen)
            for task in tasks { await task.value }
            #expect(seen.all == Array(0..<500))
        }
    }

    private static func begin(on executor: EventLoopExecutor, _ seen: Collected<Int>) -> [Task<Void, Never>] {
        (0..<500).map { number in Task(executorPreference: executor) { seen.append(number) } }
    }

    @Test("is not held up by a disk that hangs, and what needs that disk is told")
    func hungDisk() async throws {
        let disk = try HungDisk()
        defer { disk.release() }
        let answers: CannedEngine.Answers = [
            "POST /containers/create": (201, #"{"Id":"c0"}"#), "GET /containers/c0/json": (200, #"{"Id":"c0"}"#),
        ]
        try await withLoop { _, executor in
            try await CannedEngine.run(answers) { engine, client in
                let plugins = HTTPClient(eventLoopGroupProvider: .singleton)
                var surroundings = Surroundings()
                surroundings.resolverFile = disk.path + "/resolv.conf"
                surroundings.defaultDisk = { IOPSInfo.defaultDisk(stateDirectory: disk.path) }
                surroundings.readDeadline = .seconds(2)
                surroundings.plugins = StoragePlugins(directory: disk.path, httpClient: plugins)
                let runner = OperationRunner(
                    engine: client, facts: EngineFacts(engine: client), surroundings: surroundings)
                var instance = InstanceSpecification(uuid: "85db87bf-cb14", name: "web")
                instance.container.image = "nginx"
                var searching = instance
                searching.container.dnsSearch = ["rancher.internal"]
                instance.container.blockIO.devices = [BlockIOLimits.defaultDisk: .init(readBytes: 5)]
                let operations: [Model.Operation] = [
                    .createContainer(searching, mountpoints: [:]), .createContainer(instance, mountpoints: [:]),
                    .inspectVolume(VolumeSpecification(name: "v", driver: "nfs")),
                    .inspectContainer(id: "c0", name: ""),
                ]
                let ends = await withTaskGroup(of: (Model.Operation, OperationOutcome).self) { group in
                    for operation in operations {
                        group.addTask(executorPreference: executor) {
                            (operation, await runner.run(operation) { _ in })
                        }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
                #expect(ends.first?.0 == operations[3], "who needs no disk waits for none")
                let outcomes = Dictionary(uniqueKeysWithValues: ends)
                guard case .container(let seen?) = outcomes[operations[3]] else {
                    Issue.record("\(ends)")
                    return
                }
                #expect(seen.id == "c0")
                let unread =
                    "Failed to set DNS search: \(disk.path)/resolv.conf cannot be read: no end within 2.0 seconds"
                #expect(outcomes[operations[0]] == .refused(Refusal(message: unread)))
                // Without a benchmark that can be read there is none.
                #expect(outcomes[operations[1]] == .created(id: "c0"))
                let unseen = "cannot look for the plug-in of driver 'nfs': no end within 5.0 seconds"
                #expect(outcomes[operations[2]] == .refused(Refusal(message: unseen)))
                #expect(Set(engine.calls) == ["GET /containers/c0/json", "POST /containers/create"])
                try await plugins.shutdown()
            }
        }
    }
}
