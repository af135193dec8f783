import ContainerNetwork
import DockerEngine
import LosslessJSON
import Model

extension OperationRunner {
    /// What the user is told while the address is waited for (PROTOCOL 9).
    private static let progressText = "Detecting Primary IP address"

    /// After how long a container without a process is looked at again: somebody may just be restarting it.
    private static let restartPause = Duration.milliseconds(500)

    /// Looks once for the address of a container that a network plug-in connects. One that does not run has none, which
    /// is no error.
    func detectAddress(
        of id: String, _ progress: @escaping @Sendable (String) -> Void
    ) async throws(EngineError) -> OperationOutcome {
        guard let container = try await look(id), let process = container.process else {
            return try await withoutAddress(id)
        }
        let sighting = await surroundings.addresses.look(
            containerID: container.id, startedAt: process.startedAt, pid: process.pid)
        // Whose the number of the process is may have changed meanwhile, and with it whose address was seen.
        guard let after = try await look(id), let processAfter = after.process else {
            return try await withoutAddress(id)
        }
        switch sighting {
        case .address(let address) where processAfter == process: return .address(address, after)
        case .failed(let reason) where processAfter == process: return .refused(Refusal(message: reason))
        case .address, .failed, .notYet:
            progress(Self.progressText)
            return .address("", after)
        }
    }

    private func withoutAddress(_ id: String) async throws(EngineError) -> OperationOutcome {
        do { try await Task.sleep(for: Self.restartPause) } catch { return .unknown("The agent is shutting down") }
        return .address("", try await look(id))
    }
}

/// A container's life from one start to the next end.
private struct ContainerProcess: Equatable {
    let pid: Int
    /// In the engine's words.
    let startedAt: String
}

extension InspectedContainer {
    /// `nil` if it does not run.
    fileprivate var process: ContainerProcess? {
        guard let pid = raw["State"]["Pid"].integer, pid > 0 else { return nil }
        return ContainerProcess(pid: pid, startedAt: raw["State"]["StartedAt"].text ?? "")
    }
}
