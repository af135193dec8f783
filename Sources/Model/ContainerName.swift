/// The names that this agent gives to containers.
package enum ContainerName {
    /// The name of the container, always the same for the same instance: `r-<name>-<first part of the uuid>`, or
    /// `r-<uuid>` when the name would not do as a container name.
    package static func of(uuid: String, name: String) -> String {
        let usable =
            name.utf8.count > 1
            && name.utf8.enumerated().allSatisfy { index, byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                case UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"): index > 0
                default: false
                }
            }
        guard usable else { return "r-\(uuid)" }
        return "r-\(name)-\(uuid.prefix { $0 != "-" })"
    }
}
