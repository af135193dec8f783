import ContainerNetwork
import DockerEngine
import LosslessJSON
import Model

extension OperationRunner {
    /// What the user is told while the address is waited for (PROTOCOL 9).
    private static let progressText = "Detecting Primary IP address"

    /// Waits for the address of a container that a network plug-in connects. One that does not run has none, which is
    /// no error.
    func detectAddress(
        of id: String, _ progress: @escaping @Sendable (String) -> Void
    ) async throws(EngineError) -> OperationOutcome {
        let end = ContinuousClock.now + surroundings.addressPatience
        var pause = Duration.milliseconds(250)
        while true {
            guard let container = try await look(id), let process = container.process else {
                return .address("", try await look(id))
            }
            let sighting = await surroundings.addresses.look(
                containerID: container.id, startedAt: process.startedAt, pid: process.pid)
            // Whose the number of the process is may have changed meanwhile, and with it whose address was seen.
            guard let after = try await look(id), after.process != nil else { return .address("", try await look(id)) }
            switch sighting {
            case .address(let address) where after.process == process: return .address(address, after)
            case .failed(let reason) where after.process == process: return .refused(Refusal(message: reason))
            case .address, .failed, .notYet: break
            }
            if ContinuousClock.now >= end { return .refused(Refusal(message: "Timeout getting IP address")) }
            do { try await Task.sleep(for: pause) } catch { return .unknown("The agent is shutting down") }
            pause = min(pause * 2, .seconds(2))
            progress(Self.progressText)
        }
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
