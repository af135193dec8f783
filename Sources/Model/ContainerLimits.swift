/// What a container may use of the host, besides the memory and the shares that most containers ask for.
package struct ResourceLimits: Sendable, Hashable {
    /// Microseconds.
    package var cpuPeriod = 0
    /// Microseconds of every period; -1 for no limit.
    package var cpuQuota = 0
    /// Microseconds of every period for real-time processes.
    package var cpuRealtimePeriod = 0
    /// Microseconds of every real-time period.
    package var cpuRealtimeRuntime = 0
    /// The processors to run on, such as `0-2,4`.
    package var cpuSet = ""
    /// The memory nodes to use, such as `0,1`.
    package var memoryNodes = ""
    /// Bytes, kept free for the container where memory is short.
    package var memoryReservation = 0
    /// Bytes of memory and swap together; -1 for no limit.
    package var memorySwap = 0
    /// Percent; 0 is no swapping and not the default, which is `nil`. -1 is the default, too.
    package var memorySwappiness: Int?
    /// Bytes.
    package var kernelMemory = 0
    package var oomKillDisabled: Bool?
    /// From -1000, killed last, to 1000, killed first.
    package var oomScoreAdjustment = 0
    /// Processes and threads; -1 for no limit.
    package var processes = 0
    /// Bytes of `/dev/shm`.
    package var sharedMemory = 0
    /// Bytes of the root file system, where the engine can limit them.
    package var diskQuota = 0
    package var cgroupParent = ""
    package var ulimits: [Ulimit] = []

    package init() {}
}

extension ResourceLimits: Recorded {
    package mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.member("cpuPeriod", &cpuPeriod)
        try record.member("cpuQuota", &cpuQuota)
        try record.member("cpuRealtimePeriod", &cpuRealtimePeriod)
        try record.member("cpuRealtimeRuntime", &cpuRealtimeRuntime)
        try record.member("cpuSet", &cpuSet)
        try record.member("memoryNodes", &memoryNodes)
        try record.member("memoryReservation", &memoryReservation)
        try record.member("memorySwap", &memorySwap)
        try record.member("memorySwappiness", &memorySwappiness)
        try record.member("kernelMemory", &kernelMemory)
        try record.member("oomKillDisabled", &oomKillDisabled)
        try record.member("oomScoreAdjustment", &oomScoreAdjustment)
        try record.member("processes", &processes)
        try record.member("sharedMemory", &sharedMemory)
        try record.member("diskQuota", &diskQuota)
        try record.member("cgroupParent", &cgroupParent)
        try record.member("ulimits", &ulimits)
    }
}

/// One limit of the kernel for a process; -1 for none.
package struct Ulimit: Sendable, Hashable {
    /// Such as `nofile`.
    package var name: String
    package var soft: Int
    package var hard: Int

    package init(name: String, soft: Int, hard: Int) {
        self.name = name
        self.soft = soft
        self.hard = hard
    }
}

extension Ulimit: Recorded {
    package init() { self.init(name: "", soft: 0, hard: 0) }

    package mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.member("name", &name)
        try record.member("soft", &soft)
        try record.member("hard", &hard)
    }
}

/// How fast a container may read and write.
package struct BlockIOLimits: Sendable, Hashable {
    /// Relative weight.
    package var weight = 0
    /// By the device's path, or by ``defaultDisk``.
    package var devices: [String: Device] = [:]

    /// Stands for the disk that the engine keeps its data on, as far as it is known (PROTOCOL 6.3).
    package static let defaultDisk = "DEFAULT_DISK"

    package init() {}

    /// The limits for one device; 0 for none.
    package struct Device: Sendable, Hashable {
        /// Relative weight.
        package var weight: Int
        /// Operations a second.
        package var readOperations: Int
        /// Operations a second.
        package var writeOperations: Int
        /// Bytes a second.
        package var readBytes: Int
        /// Bytes a second.
        package var writeBytes: Int

        package init(
            weight: Int = 0, readOperations: Int = 0, writeOperations: Int = 0, readBytes: Int = 0, writeBytes: Int = 0
        ) {
            self.weight = weight
            self.readOperations = readOperations
            self.writeOperations = writeOperations
            self.readBytes = readBytes
            self.writeBytes = writeBytes
        }
    }
}

extension BlockIOLimits: Recorded {
    package mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.member("weight", &weight)
        try record.member("devices", &devices)
    }
}

extension BlockIOLimits.Device: Recorded {
    package init() { self.init(weight: 0) }

    package mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.member("weight", &weight)
        try record.member("readOperations", &readOperations)
        try record.member("writeOperations", &writeOperations)
        try record.member("readBytes", &readBytes)
        try record.member("writeBytes", &writeBytes)
    }
}
