/// Where the operating system shows what it knows about the host: in a container these may be mounted somewhere else
/// (PROTOCOL 1.4).
package struct HostRoots: Sendable, Hashable {
    /// Processes, memory, CPU times, mounts.
    package var proc = "/proc"
    /// Devices, and the speed of the CPUs.
    package var sys = "/sys"
    /// The name of the operating system.
    package var etc = "/etc"

    package init(proc: String = "/proc", sys: String = "/sys", etc: String = "/etc") {
        self.proc = proc
        self.sys = sys
        self.etc = etc
    }

    /// As `HOST_PROC`, `HOST_SYS` and `HOST_ETC` say; an empty variable counts as not set.
    package init(environment: [String: String]) {
        func root(_ name: String, _ usual: String) -> String {
            guard var path = environment[name], !path.isEmpty else { return usual }
            while path.count > 1, path.hasSuffix("/") { path.removeLast() }
            return path
        }
        self.init(proc: root("HOST_PROC", "/proc"), sys: root("HOST_SYS", "/sys"), etc: root("HOST_ETC", "/etc"))
    }

    /// The directory in which paths of the host are found: the root of its first process, if that may be looked into,
    /// else our own.
    var hostRoot: String {
        let root = proc + "/1/root"
        return HostFile.canEnter(root) ? root : ""
    }
}
