package import DockerEngine
package import Logging
internal import LosslessJSON
package import Model

/// Watches the containers of this host: a full list whenever the event stream is opened, soon after it, and every minute
/// besides, and the stream in between. What it sees are hints; nobody claims an end because of them.
package struct EngineObserver: Sendable {
    /// What the observer sees.
    package enum Sight: Sendable {
        case list([ContainerSummary])
        case changed(ContainerSummary)
        case gone(id: String)
        /// Changes go unnoticed from now on; the text says why.
        case lost(String)
    }

    private let engine: EngineClient
    private let directory: ContainerDirectory
    private let logger: Logger
    private let relistInterval: Duration
    private let settling: Duration
    private let wantsDetails: @Sendable () -> Bool
    /// A stream that lived as long as this makes the failures before it forgotten.
    private static let stableAfter = Duration.seconds(30)

    /// - Parameters:
    ///   - settling: How long after the first list there is another. The engine tells of a container's end before its
    ///     list shows it: who begins to watch in between would see neither.
    ///   - wantsDetails: Whether the next list, or a new container, is to be kept with what only some servers ask for.
    package init(
        engine: EngineClient, directory: ContainerDirectory, logger: Logger, relistInterval: Duration = .seconds(60),
        settling: Duration = .seconds(2), wantsDetails: @escaping @Sendable () -> Bool = { false }
    ) {
        self.engine = engine
        self.directory = directory
        self.logger = logger
        self.relistInterval = relistInterval
        self.settling = settling
        self.wantsDetails = wantsDetails
    }

    /// Watches until the task is cancelled, through every absence of the engine.
    package func run(_ report: @escaping @Sendable (Sight) -> Void) async {
        var failures = 0
        var since: EngineTime?
        while !Task.isCancelled {
            let start = ContinuousClock.now
            let session = Session(
                engine: engine, directory: directory, since: since, wantsDetails: wantsDetails, report: report)
            let reason: String
            do {
                try await session.run(relistInterval: relistInterval, settling: settling)
                reason = "the engine closed the event stream"
                since = await session.lastEvent ?? since
            } catch {
                reason = String(describing: error)
                // An event that cannot be read would only come again; the list covers what was missed.
                let isUnreadable = (error as? EngineError)?.kind == .badAnswer
                since = isUnreadable ? nil : await session.lastEvent ?? since
            }
            if ContinuousClock.now - start >= Self.stableAfter { failures = 0 }
            directory.lose()
            guard !Task.isCancelled else { return }
            report(.lost(reason))
            if failures == 0 { logger.warning("engine cannot be watched", metadata: ["reason": "\(reason)"]) }
            failures += 1
            let pause = Duration.milliseconds(min(5000, 250 << min(failures - 1, 5)))
            try? await Task.sleep(for: pause * Double.random(in: 0.5...1))
        }
    }

    /// One life of the event stream.
    private actor Session {
        private let engine: EngineClient
        private let directory: ContainerDirectory
        private let since: EngineTime?
        private let wantsDetails: @Sendable () -> Bool
        private let report: @Sendable (Sight) -> Void
        private(set) var lastEvent: EngineTime?
        private(set) var wasOpen = false
        private var eventCount = 0

        init(
            engine: EngineClient, directory: ContainerDirectory, since: EngineTime?,
            wantsDetails: @escaping @Sendable () -> Bool, report: @escaping @Sendable (Sight) -> Void
        ) {
            self.engine = engine
            self.directory = directory
            self.since = since
            self.wantsDetails = wantsDetails
            self.report = report
        }

        func run(relistInterval: Duration, settling: Duration) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await self.engine.withContainerEvents(
                        since: self.since, onOpen: { try await self.opened() }, onEvent: { await self.received($0) })
                }
                group.addTask {
                    var pause = settling
                    while true {
                        try await Task.sleep(for: pause)
                        pause = try await self.listAgain() ? relistInterval : min(pause * 2, relistInterval)
                    }
                }
                defer { group.cancelAll() }
                try await group.next()
            }
        }

        private func opened() async throws {
            let containers = try await list()
            wasOpen = true
            publish(containers)
        }

        /// - Returns: Whether that was it. A list that was overtaken by an event is out of date, and the next one will do.
        private func listAgain() async throws -> Bool {
            guard wasOpen else { return false }
            let before = eventCount
            let containers = try await list()
            guard before == eventCount else { return false }
            publish(containers)
            return true
        }

        private func list() async throws -> [ContainerSummary] {
            let withDetails = wantsDetails()
            return try await engine.listContainers(all: true).compactMap {
                ContainerSummary($0, withDetails: withDetails)
            }
        }

        private func publish(_ containers: [ContainerSummary]) {
            directory.replace(containers)
            report(.list(containers))
        }

        private func received(_ event: EngineEvent) {
            eventCount += 1
            lastEvent = max(event.time, lastEvent ?? event.time)
            if event.action == "destroy" {
                directory.remove(event.actorID)
                report(.gone(id: event.actorID))
                return
            }
            let state: ContainerState
            switch event.action {
            case "create": state = .created
            case "start", "restart", "unpause": state = .running
            case "pause": state = .paused
            case "die", "stop": state = .exited
            default: return
            }
            let details = event.action == "create" && wantsDetails() ? ContainerDetails(event) : nil
            let changed = directory.change(event.actorID) { known in
                let name = event.attributes["name"] ?? ""
                var container =
                    known
                    ?? ContainerSummary(
                        id: event.actorID, name: name, state: state,
                        instanceUUID: ContainerSummary.instanceUUID(name: name) { event.attributes[$0] },
                        details: details)
                container.state = state
                return container
            }
            if let changed { report(.changed(changed)) }
        }
    }
}

extension ContainerDetails {
    /// What the event of a creation tells: all attributes but two are labels.
    fileprivate init(_ event: EngineEvent) {
        self.init(
            image: event.attributes["image"] ?? "",
            labels: event.attributes.filter { $0.key != "image" && $0.key != "name" },
            createdSeconds: event.timeNano / 1_000_000_000)
    }
}
