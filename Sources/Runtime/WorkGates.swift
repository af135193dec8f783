internal import Model

/// How long one piece of work may keep the others waiting where the storage driver takes one at a time: a place is then
/// given to the next one although the work goes on.
package struct StorageTurns: Sendable {
    /// A stop, most of which is waiting for the container's process.
    package var stop = Duration.seconds(10)
    /// A create, start or removal.
    package var other = Duration.seconds(60)

    package init() {}
}

/// How much is done at a time, where the engine is known to get slow or to fail with too much of it.
struct WorkGates: Sendable {
    /// Creates and starts: each is work for the engine's storage and network drivers, which hold locks.
    private let heavy = Gate(places: 16, lentFor: .seconds(10))
    /// Pulls: each opens up to three connections and writes to the disk as fast as it can.
    private let pulls = Gate(places: 4)
    /// Stops and kills, which may take all the grace they are given.
    private let stops = Gate(places: 256)
    /// Removals, which wait for each other where the storage driver takes one thing at a time.
    private let removals = Gate(places: 32)
    /// Storage plug-ins, which may hang for minutes and must not hold up the engine's work.
    private let plugins = Gate(places: 64)
    /// Looks for addresses. Each may hang for seconds where the host does.
    private let addresses = Gate(places: 256)
    /// The program for this host's configuration, which is not made to run beside itself.
    private let configuration = Gate(places: 1)
    /// Everything else, to bound the connections to the engine.
    private let light = Gate(places: 128)
    /// For a storage driver that must not be asked two things at once (PROTOCOL 1.8).
    private let turn = Gate(places: 1)
    private let turns: StorageTurns

    init(turns: StorageTurns) { self.turns = turns }

    /// Runs the body as soon as there is a place for the operation.
    ///
    /// - Parameter takesTurns: Whether the storage driver takes one thing at a time; asked only where it matters.
    /// - Throws: `CancellationError` if the task is cancelled while it waits.
    func withPlace(
        for operation: Operation, takesTurns: () async -> Bool, body: () async -> OperationOutcome
    ) async throws -> OperationOutcome {
        try await gate(for: operation).withPlace {
            guard let longest = longestTurn(of: operation), await takesTurns() else { return await body() }
            do {
                return try await turn.withPlace(lentFor: longest) { await body() }
            } catch {
                return .unknown("The agent is shutting down")
            }
        }
    }

    private func gate(for operation: Operation) -> Gate {
        switch operation {
        case .createContainer, .startContainer: heavy
        case .pullImage, .buildImage: pulls
        case .updateConfiguration: configuration
        case .stopContainer, .killContainer: stops
        case .removeContainer: removals
        case .callPlugin: plugins
        case .detectAddress: addresses
        case .findContainer, .inspectVolume, .createVolume, .removeVolume, .inspectImage, .tagImage,
            .removeImage, .inspectContainer:
            light
        }
    }

    /// `nil` for work that the storage driver does not see.
    private func longestTurn(of operation: Operation) -> Duration? {
        switch operation {
        case .createContainer, .startContainer, .removeContainer: turns.other
        case .stopContainer, .killContainer: turns.stop
        case .findContainer, .inspectContainer, .detectAddress, .inspectVolume, .callPlugin, .createVolume,
            .removeVolume, .inspectImage, .pullImage, .tagImage, .removeImage, .buildImage, .updateConfiguration:
            nil
        }
    }
}
