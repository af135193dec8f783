/// What `inspect-host` tells of the host (PROTOCOL 1.9.3).
package struct HostReport: Sendable, Hashable {
    /// The key that identifies this host for ever; `nil` where it could not be kept.
    package var token: String?
    /// Printed for scripts (PROTOCOL 1.9.3); nothing of ours depends on it.
    package var isBoot2Docker: Bool
    /// Whether the agent's files can be in the host's own `/var/lib`.
    package var isVarLibWritable: Bool
    /// Why they cannot, in one line; `nil` if they can.
    package var varLibFault: String?

    /// This host's address as the server sees it; `nil` if it was not asked for.
    package var detectedAgentIP: String?

    private static let mark = "INFO: env "

    package init(
        token: String?, isBoot2Docker: Bool, isVarLibWritable: Bool, varLibFault: String? = nil,
        detectedAgentIP: String? = nil
    ) {
        self.token = token
        self.isBoot2Docker = isBoot2Docker
        self.isVarLibWritable = isVarLibWritable
        self.varLibFault = varLibFault
        self.detectedAgentIP = detectedAgentIP
    }

    /// Reads what was printed; other lines than those of the report are passed over.
    package init(parsing output: String) {
        var variables: [Substring: Substring] = [:]
        for line in output.split(whereSeparator: \.isNewline) where line.hasPrefix(Self.mark) {
            let parts = line.dropFirst(Self.mark.count).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[parts[0]] = parts[1] }
        }
        token = variables["TOKEN"].flatMap { $0.isEmpty ? nil : String($0) }
        isBoot2Docker = variables["CATTLE_BOOT2DOCKER"] == "true"
        isVarLibWritable = variables["CATTLE_VAR_LIB_WRITABLE"] == "true"
        varLibFault = variables["CATTLE_VAR_LIB_FAULT"].flatMap { $0.isEmpty ? nil : String($0) }
        detectedAgentIP = variables["DETECTED_CATTLE_AGENT_IP"].flatMap { $0.isEmpty ? nil : String($0) }
    }

    /// As it is printed.
    package var lines: [String] {
        let variables = [
            ("TOKEN", token), ("CATTLE_BOOT2DOCKER", String(isBoot2Docker)),
            ("CATTLE_VAR_LIB_WRITABLE", String(isVarLibWritable)), ("CATTLE_VAR_LIB_FAULT", varLibFault),
            ("DETECTED_CATTLE_AGENT_IP", detectedAgentIP),
        ]
        return variables.compactMap { name, value in value.map { "\(Self.mark)\(name)=\($0)" } }
    }
}
