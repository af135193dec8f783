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
    private let onWord: @Sendable () -> Void
    /// A stream that lived as long as this makes the failures before it forgotten.
    private static let stableAfter = Duration.seconds(30)

    /// - Parameters:
    ///   - settling: How long after the first list there is another. The engine tells of a container's end before its
    ///     list shows it: who begins to watch in between would see neither.
    ///   - wantsDetails: Whether the next list, or a new container, is to be kept with what only some servers ask for.
    ///   - onWord: Called whenever the engine has said anything at all, of interest or not.
    package init(
        engine: EngineClient, directory: ContainerDirectory, logger: Logger, relistInterval: Duration = .seconds(60),
        settling: Duration = .seconds(2), wantsDetails: @escaping @Sendable () -> Bool = { false },
        onWord: @escaping @Sendable () -> Void = {}
    ) {
        self.engine = engine
        self.directory = directory
        self.logger = logger
        self.relistInterval = relistInterval
        self.settling = settling
        self.wantsDetails = wantsDetails
        self.onWord = onWord
    }

    /// Watches until the task is cancelled, through every absence of the engine.
    package func run(_ report: @escaping @Sendable (Sight) -> Void) async {
        var failures = 0
        var since: EngineTime?
        while !Task.isCancelled {
            let start = ContinuousClock.now
            let session = Session(
                engine: engine, directory: directory, since: since, wantsDetails: wantsDetails, onWord: onWord,
                report: report)
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
        private let onWord: @Sendable () -> Void
        private let report: @Sendable (Sight) -> Void
        private(set) var lastEvent: EngineTime?
        private(set) var wasOpen = false
        /// What a container is after an event. Others tell nothing that these do not, and those of health checks come
        /// several times a second where there are many.
        private static let states: [String: ContainerState] = [
            "create": .created, "start": .running, "unpause": .running, "pause": .paused, "die": .exited,
        ]
        /// After this event there is none.
        private static let end = "destroy"
        /// Comes after the event of its end, and perhaps after that of the next start; but alone where there was no
        /// process, as the engine was waiting to start another one after the last had failed.
        private static let stop = "stop"
        /// Of those that tell of a container's state: a list that was asked for before one of them is out of date.
        private var changeCount = 0

        init(
            engine: EngineClient, directory: ContainerDirectory, since: EngineTime?,
            wantsDetails: @escaping @Sendable () -> Bool, onWord: @escaping @Sendable () -> Void,
            report: @escaping @Sendable (Sight) -> Void
        ) {
            self.engine = engine
            self.directory = directory
            self.since = since
            self.wantsDetails = wantsDetails
            self.onWord = onWord
            self.report = report
        }

        func run(relistInterval: Duration, settling: Duration) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await self.engine.withContainerEvents(
                        Self.states.keys.sorted() + [Self.end, Self.stop], since: self.since,
                        onOpen: { try await self.opened() },
                        onEvent: { await self.received($0) })
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
            _ = publish(containers)
        }

        /// - Returns: Whether that was it. A list that was overtaken by a change is out of date, and so is one that does not
        ///   show an end that the engine has told of; the next one will do.
        private func listAgain() async throws -> Bool {
            guard wasOpen else { return false }
            let before = changeCount
            let containers = try await list()
            guard before == changeCount else { return false }
            return publish(containers)
        }

        private func list() async throws -> [ContainerSummary] {
            let withDetails = wantsDetails()
            let containers = try await engine.listContainers(all: true)
            onWord()
            return containers.compactMap { ContainerSummary($0, withDetails: withDetails) }
        }

        /// - Returns: Whether all of it is believed.
        private func publish(_ listed: [ContainerSummary]) -> Bool {
            let (containers, isBelieved) = directory.replace(listed)
            report(.list(containers))
            return isBelieved
        }

        private func received(_ event: EngineEvent) {
            onWord()
            lastEvent = max(event.time, lastEvent ?? event.time)
            if event.action == Self.end {
                changeCount += 1
                directory.remove(event.actorID)
                report(.gone(id: event.actorID))
                return
            }
            let isStopOfRestart = event.action == Self.stop && directory.state(of: event.actorID) == .restarting
            guard let state = isStopOfRestart ? .exited : Self.states[event.action] else { return }
            changeCount += 1
            let details = event.action == "create" && wantsDetails() ? ContainerDetails(event) : nil
            let changed = directory.change(event.actorID, isEnd: event.action == "die") { known in
                var container = known ?? ContainerSummary(event, state, details)
                container.state = state
                return container
            }
            report(.changed(changed))
        }
    }
}

extension ContainerSummary {
    /// A container that only an event has told of so far; its labels are among the event's attributes.
    fileprivate init(_ event: EngineEvent, _ state: ContainerState, _ details: ContainerDetails?) {
        let name = event.attributes["name"] ?? ""
        let label = { (name: String) in event.attributes[name] }
        let instanceUUID = ContainerSummary.instanceUUID(name: name, label: label)
        self.init(
            id: event.actorID, name: name, state: state, instanceUUID: instanceUUID,
            keepsVolumes: VolumeCleanup.keepsVolumes(instanceUUID: instanceUUID, label: label), details: details)
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
