import FakeStoragePlugin
import Foundation
import LosslessJSON
import RancherSimulator
import Synchronization
import Testing

/// Every call of a storage plug-in and everything that can become of it: what is answered, and what stays mounted.
@Suite(.serialized, .engineDifferences)
struct StoragePluginFaultTests {
    enum Fault: String, CaseIterable {
        case refusal, hang, hangDone, badRequest, notFound, failure, failureInWords, cut, cutDone, close, closeDone
        /// Its socket is there and nobody listens, before the call arrives.
        case down
        /// Its socket is gone before the call arrives.
        case gone
        /// Does the call, and is gone without having answered.
        case death

        var ordered: PluginFault? {
            switch self {
            case .refusal: .error("disk on fire")
            case .hang: .hang(isDone: false)
            case .hangDone: .hang(isDone: true)
            case .badRequest: .status(400)
            case .notFound: .status(404, body: #"{"Err":"no such call"}"#)
            case .failure: .status(500)
            case .failureInWords: .status(500, body: #"{"Err":"disk on fire"}"#)
            case .cut: .cut(isDone: false)
            case .cutDone: .cut(isDone: true)
            case .close: .close(isDone: false)
            case .closeDone, .death: .close(isDone: true)
            case .down, .gone: nil
            }
        }

        /// What has to be in the answer.
        var words: String {
            switch self {
            case .refusal: "failed: disk on fire"
            case .hang, .hangDone: "was not answered within 2.0 seconds"
            case .badRequest: "returned status 400: 400 Bad Request"
            case .notFound: "returned status 404: 404 Not Found: no such call"
            case .failure: "returned status 500: 500 Internal Server Error"
            case .failureInWords: "returned status 500: 500 Internal Server Error: disk on fire"
            case .cut, .cutDone, .close, .closeDone: "was made, and not answered to the end"
            case .down: "nobody answers at"
            case .gone, .death: "There is no storage plug-in for driver"
            }
        }

        /// The plug-in says that it has nothing to do.
        var isNothingToDo: Bool { self == .badRequest || self == .notFound }
        /// Whatever comes next does not reach it either.
        var isAway: Bool { self == .down || self == .gone || self == .death }
    }

    /// One cell of the table, with a plug-in of its own.
    struct Cell {
        let verb: VolumeVerb
        let fault: Fault
        let dialect: Dialect

        var name: String { "\(verb.rawValue.lowercased())-\(fault.rawValue.lowercased())" }
        /// A call that may be left out is done if the plug-in does not know it; a mount may not. To 1.6, an error is one
        /// with any status.
        var isSuccess: Bool {
            fault.isNothingToDo && verb != .mount && !(dialect == .rancher16 && fault == .notFound)
        }

        /// Lets the fault happen, again and again.
        func order(_ plugin: FakeStoragePlugin) {
            if let ordered = fault.ordered { plugin.order(ordered, for: verb, times: .max) }
            switch (fault, verb) {
            case (.death, _): plugin.react(to: verb) { plugin.vanish(leavingSocketFile: false) }
            // Before 1.6 calls it, it has asked what it can do.
            case (.down, .create) where dialect == .rancher16, (.down, .remove) where dialect == .rancher16:
                plugin.react(to: .capabilities) { vanish(plugin) }
            case (.down, .attach), (.gone, .attach): plugin.react(to: .create) { vanish(plugin) }
            case (.down, .mount), (.gone, .mount): plugin.react(to: .attach) { vanish(plugin) }
            case (.down, _), (.gone, _): vanish(plugin)
            default: break
            }
        }

        private func vanish(_ plugin: FakeStoragePlugin) { plugin.vanish(leavingSocketFile: fault == .down) }

        func end(_ plugin: FakeStoragePlugin) {
            plugin.clearFaults()
            plugin.reappear()
        }
    }

    private static func cells(_ verbs: [VolumeVerb], _ dialect: Dialect) -> [Cell] {
        verbs.flatMap { verb in Fault.allCases.map { Cell(verb: verb, fault: $0, dialect: dialect) } }
    }

    /// Plays each cell with plug-ins that no other cell has meanwhile, several cells at a time. 2.0 takes drivers of any
    /// name; 1.6 knows five.
    private static func play(
        _ cells: [Cell], pluginsEach count: Int = 1, limit: Int = 256, _ scene: Scene,
        _ body: @escaping @Sendable (Cell, [FakeStoragePlugin], Scene) async throws -> Void
    ) async throws {
        let known = ["rancher-nfs", "rancher-ebs", "rancher-efs", "rancher-secrets", "secrets-bridge-v2"]
        let free = Mutex(known)
        let isLimited = scene.dialect == .rancher16
        _ = try await atOnce(cells, limit: isLimited ? min(limit, known.count / count) : limit) { cell in
            let drivers = (0..<count).map { number in
                isLimited ? free.withLock { $0.removeLast() } : number == 0 ? cell.name : "\(cell.name)-\(number)"
            }
            defer { if isLimited { free.withLock { $0 += drivers } } }
            try await with(drivers[...], scene) { try await body(cell, $0, scene) }
        }
    }

    private static func with(
        _ drivers: ArraySlice<String>, _ scene: Scene, _ body: ([FakeStoragePlugin]) async throws -> Void
    ) async throws {
        guard let driver = drivers.first else { return try await body([]) }
        try await scene.withPlugin(driver) { plugin in
            try await with(drivers.dropFirst(), scene) { try await body([plugin] + $0) }
        }
    }

    private static let setting = Scene.Setting(deadlineSeconds: 2)

    @Test(arguments: Dialect.all)
    func `an instance whose volume cannot be had is not started, and nothing stays mounted (defects 35, 66)`(
        dialect: Dialect
    )
        async throws
    {
        // A driver without a plug-in is the engine's.
        let cells = Self.cells([.create, .attach, .mount], dialect).filter { $0.verb != .create || $0.fault != .gone }
        try await Scene.play(in: dialect, Self.setting) { scene in
            try await Self.play(cells, scene) { try await Self.start($0, $1[0], $2) }
        }
    }

    private static func start(_ cell: Cell, _ plugin: FakeStoragePlugin, _ scene: Scene) async throws {
        let volume = scene.volume("v")
        let instance = scene.instance(cell.name) { $0.use(volume, of: plugin.driver) }
        if cell.isSuccess { plugin.provide(volume) }
        cell.order(plugin)
        guard !cell.isSuccess else {
            let known = try await scene.activate(instance, within: .seconds(90))
            #expect(plugin.verbs(of: volume) == [.create, .attach, .mount], "\(cell)")
            try await scene.remove(known)
            #expect(plugin.mounted.isEmpty, "\(cell)")
            return
        }
        let failure = try await scene.fail(instance.activate(), within: .seconds(90))
        #expect(failure.contains(cell.fault.words), "\(cell): \(failure)")
        if !cell.fault.isAway || cell.fault == .down {
            #expect(failure.hasPrefix("/VolumeDriver.\(cell.verb.rawValue) '\(volume)' "), "\(cell): \(failure)")
        }
        #expect(plugin.verbs(of: volume).contains(cell.verb) == (cell.fault.ordered != nil), "\(cell)")
        try await scene.confirmGone(instance)
        // Where it cannot be unmounted either, that is said, and it is made up for.
        let mayRemain = cell.fault.isAway && cell.verb != .create
        #expect(failure.contains("It may still be mounted") == mayRemain, "\(cell): \(failure)")
        #expect(plugin.mounted == (cell.fault == .death && cell.verb == .mount ? [volume] : []), "\(cell)")
        #expect((plugin.calls.last?.verb == "Unmount") == (cell.verb != .create && !mayRemain), "\(cell)")
        guard mayRemain else { return }
        cell.end(plugin)
        try await scene.succeed(cell.fault == .death ? instance.remove() : instance.deactivate())
        #expect(plugin.calls.last?.verb == "Unmount", "\(cell)")
        #expect(plugin.mounted.isEmpty, "\(cell)")
    }

    @Test(arguments: Dialect.all)
    func `a volume that cannot be unmounted is an error after the stop, and is unmounted later (defect 37)`(
        dialect: Dialect
    )
        async throws
    {
        let cells = Self.cells([.unmount], dialect)
        try await Scene.play(in: dialect, Self.setting) { scene in
            try await Self.play(cells, pluginsEach: 2, limit: 5, scene) { try await Self.stop($0, $1[0], $1[1], $2) }
        }
    }

    private static func stop(
        _ cell: Cell, _ plugin: FakeStoragePlugin, _ friendly: FakeStoragePlugin, _ scene: Scene
    ) async throws {
        let (bad, good) = (scene.volume("bad"), scene.volume("good"))
        let plain = scene.instance(cell.name) {
            $0.use(bad, of: plugin.driver)
            $0.use(good, of: friendly.driver, at: "/good")
        }
        let instance = try await scene.activate(plain, within: .seconds(90))
        cell.order(plugin)
        let reply = try await scene.server.ask(instance.deactivate(timeoutSeconds: 1), timeout: .seconds(90))
        try await scene.confirm(instance, runs: false)
        #expect(plugin.count(.unmount) > 0 || cell.fault == .down || cell.fault == .gone, "\(cell)")
        // The one that can be unmounted is.
        #expect(friendly.mounted.isEmpty, "\(cell)")
        guard !cell.isSuccess else {
            #expect(reply.outcome == .success, "\(cell): \(reply.failure ?? "")")
            #expect(plugin.count(.unmount) == 1, "\(cell)")
            return
        }
        #expect(reply.failure?.contains(cell.fault.words) == true, "\(cell): \(reply.failure ?? "success")")
        cell.end(plugin)
        if cell.fault == .refusal {
            try await scene.deactivate(instance)
        } else {
            try await scene.remove(instance)
        }
        #expect(plugin.calls.last?.verb == "Unmount", "\(cell)")
        #expect(plugin.mounted.isEmpty, "\(cell)")
    }

    @Test(arguments: Dialect.all)
    func `a volume that its plug-in cannot remove is an error, and is removed later (defect 61)`(dialect: Dialect)
        async throws
    {
        // Nobody knows that a driver without a plug-in ever had one.
        let cells = Self.cells([.remove], dialect).filter { $0.fault != .gone }
        try await Scene.play(in: dialect, Self.setting) { scene in
            try await Self.play(cells, scene) { try await Self.remove($0, $1[0], $2) }
        }
    }

    private static func remove(_ cell: Cell, _ plugin: FakeStoragePlugin, _ scene: Scene) async throws {
        let volume = scene.volume("v")
        plugin.provide(volume)
        cell.order(plugin)
        let event = scene.dialect.volumeRemove(name: volume, driver: plugin.driver)
        if cell.isSuccess {
            try await scene.succeed(event, within: .seconds(60))
            #expect(plugin.verbs(of: volume) == [.remove], "\(cell)")
            return
        }
        let failure = try await scene.fail(event, within: .seconds(60))
        #expect(failure.contains(cell.fault.words), "\(cell): \(failure)")
        cell.end(plugin)
        try await scene.succeed(RancherServer.renewed(event))
        #expect(plugin.created.isEmpty, "\(cell)")
    }

    @Test(arguments: Dialect.all)
    func `a call whose answer is lost once is made once more, and nobody notices`(
        dialect: Dialect
    ) async throws {
        let verbs: [VolumeVerb] = [.create, .attach, .mount, .unmount, .remove]
        let cells = verbs.flatMap { verb in
            [.cut, .closeDone].map { Cell(verb: verb, fault: $0, dialect: dialect) }
        }
        try await Scene.play(in: dialect) { scene in
            try await Self.play(cells, limit: 5, scene) { cell, plugins, scene in
                let plugin = plugins[0]
                let volume = scene.volume("v")
                if let fault = cell.fault.ordered { plugin.order(fault, for: cell.verb) }
                let instance = try await scene.activate(
                    scene.instance(cell.name) { $0.use(volume, of: plugin.driver) }, within: .seconds(60))
                #expect(plugin.mounted == [volume], "\(cell)")
                try await scene.remove(instance)
                #expect(plugin.mounted.isEmpty, "\(cell)")
                try await scene.succeed(scene.dialect.volumeRemove(name: volume, driver: plugin.driver))
                #expect(plugin.created.isEmpty, "\(cell)")
                let expected = verbs.flatMap { $0 == cell.verb ? [$0, $0] : [$0] }
                #expect(plugin.verbs(of: volume) == expected, "\(cell)")
            }
        }
    }
}
