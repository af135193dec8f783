/// How the engine finds out whether a container is well (PROTOCOL 6.2). What is not set is the image's.
package struct HealthCheck: Sendable, Hashable {
    /// The command with its kind in front: `CMD`, `CMD-SHELL` or `NONE`.
    package var command: [String] = []
    package var intervalSeconds = 0
    package var timeoutSeconds = 0
    /// So many failures in a row make the container unhealthy.
    package var retries = 0

    package init() {}
}

extension HealthCheck: Recorded {
    package mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.member("command", &command)
        try record.member("intervalSeconds", &intervalSeconds)
        try record.member("timeoutSeconds", &timeoutSeconds)
        try record.member("retries", &retries)
    }
}

/// What a container shares with the host or with another container, and what it is forbidden. All of it is passed on
/// to the engine as it was written.
package struct Isolation: Sendable, Hashable {
    /// `host`, or `container:` and an id.
    package var processes = ""
    /// `host`, `shareable`, or `container:` and an id.
    package var ipc = ""
    /// `host` to share the host's name.
    package var uts = ""
    /// `host` to see the host's users.
    package var users = ""
    /// The cgroup to be in, such as `container:` and an id; empty for one of its own.
    package var cgroup = ""
    /// Such as `label=type:spc_t` or `no-new-privileges`.
    package var securityOptions: [String] = []
    /// Groups by name or number.
    package var additionalGroups: [String] = []

    package init() {}
}

extension Isolation: Recorded {
    package mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.member("processes", &processes)
        try record.member("ipc", &ipc)
        try record.member("uts", &uts)
        try record.member("users", &users)
        try record.member("cgroup", &cgroup)
        try record.member("securityOptions", &securityOptions)
        try record.member("additionalGroups", &additionalGroups)
    }
}

/// One device of the host that a container may use.
package struct DeviceMapping: Sendable, Hashable {
    package var hostPath: String
    package var containerPath: String
    /// Of `r`, `w` and `m` (make nodes).
    package var permissions: String

    package init(hostPath: String, containerPath: String, permissions: String) {
        self.hostPath = hostPath
        self.containerPath = containerPath
        self.permissions = permissions
    }
}

extension DeviceMapping: Recorded {
    package init() { self.init(hostPath: "", containerPath: "", permissions: "") }

    package mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.member("hostPath", &hostPath)
        try record.member("containerPath", &containerPath)
        try record.member("permissions", &permissions)
    }
}

/// Where the engine puts what a container writes.
package struct LogSettings: Sendable, Hashable {
    /// Empty for the engine's default.
    package var driver = ""
    /// For the driver; secrets are often among them.
    package var options: [String: String] = [:]

    package init() {}
}

extension LogSettings: Recorded {
    package mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.member("driver", &driver)
        try record.member("options", &options)
    }
}

/// When the engine starts a container again by itself.
package struct RestartPolicy: Sendable, Hashable {
    /// `always`, `on-failure`, `unless-stopped` or `no`; empty for the engine's default, which is never.
    package var name = ""
    /// For `on-failure`; 0 for no limit.
    package var maximumRetries = 0

    package init() {}
}

extension RestartPolicy: Recorded {
    package mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.member("name", &name)
        try record.member("maximumRetries", &maximumRetries)
    }
}
