internal import Deadline

/// Finds the address of a container that a CNI plug-in connects (PROTOCOL 9).
package struct AddressLookup: Sendable {
    /// Where the network plug-in leaves its results, below `cni`.
    package static let defaultStateDirectory = "/var/lib/rancher/state"
    /// The longest time of one look. What it asks answers at once or not at all.
    package static let deadline: Duration = .seconds(5)
    /// The looks that may be under way at a time, those included that hang and were given up.
    package static let concurrencyLimit = 128

    let stateDirectories: [String]
    let procRoot: String
    let deadline: Duration
    let looks: BlockingCalls

    /// - Parameters:
    ///   - stateDirectories: Where network plug-ins leave their results, below `cni`; the first that has one counts.
    ///   - procRoot: Where the host's `/proc` is.
    ///   - deadline: The longest time of one look.
    package init(
        stateDirectories: [String] = [defaultStateDirectory], procRoot: String = "/proc", deadline: Duration = deadline
    ) {
        self.stateDirectories = stateDirectories
        self.procRoot = procRoot
        self.deadline = deadline
        looks = BlockingCalls(limit: Self.concurrencyLimit)
    }

    /// Looks once: at the plug-in's state file, and if that has nothing to say, at `eth0` in the network namespace of
    /// the process.
    ///
    /// The process may have ended and its number belong to another one: an address counts only if the container, inspected
    /// again, still has this process.
    ///
    /// - Parameters:
    ///   - containerID: The full id, by which the plug-in files its results.
    ///   - startedAt: `State.StartedAt` of the container's inspection as the engine wrote it.
    ///   - pid: `State.Pid`; 0 if the container does not run.
    package func look(containerID: String, startedAt: String, pid: Int) async -> AddressSighting {
        let paths = stateDirectories.compactMap {
            StateFile.path(stateDirectory: $0, containerID: containerID, startedAt: startedAt)
        }
        let namespace = pid > 0 ? "\(procRoot)/\(pid)/ns/net" : nil
        do throws(BlockingCallError) {
            return try await looks.run(within: deadline) {
                for path in paths { if let sighting = StateFile.read(path) { return sighting } }
                guard let namespace else { return .notYet("the container has no process") }
                return NetworkNamespace.firstAddress(ofLink: "eth0", in: namespace)
            }
        } catch {
            return .notYet("the look at the network failed: \(error)")
        }
    }
}
