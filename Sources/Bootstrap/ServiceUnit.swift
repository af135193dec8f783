/// The agent as a service of systemd, on hosts where it does not run in a container: the texts of its files.
package struct ServiceUnit: Sendable, Hashable {
    /// Without `.service`.
    package var name: String
    /// The path of the program.
    package var program: String
    /// The path of the file with the settings. Not in the unit, which everybody can read.
    package var settingsFile: String
    /// What the agent writes into: its state, its keys, and what servers of 1.6 have it run.
    package var directories: [String]

    /// The beginning of every unit of ours.
    static let mark = "# Written by rancher-agent --register-service"

    /// Where a service of systemd sees a directory of its own instead of the host's.
    private static let privatePlaces = ["/tmp", "/var/tmp"]

    /// - Throws: ``BootstrapError`` for a name that is none for a unit, or a path that cannot stand in one or that the
    ///   service would not see.
    package init(
        name: String, program: String, settingsFile: String, directories: [String]
    ) throws(BootstrapError) {
        let stem = name.hasSuffix(".service") ? String(name.dropLast(".service".count)) : name
        let isName =
            !stem.isEmpty && stem.utf8.count < 200 && stem.utf8.first != UInt8(ascii: "-")
            && stem.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || [45, 46, 95].contains(byte)
            }
        guard isName else {
            throw BootstrapError("'\(name)' is no name for a service: letters, digits, '-', '_' and '.' make one")
        }
        for path in [program, settingsFile] + directories {
            guard path.hasPrefix("/"), !path.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F || $0 == 0x22 }) else {
                throw BootstrapError("'\(path)' cannot stand in a unit: it has to be a whole path without blanks")
            }
        }
        try Self.refusePrivate("The program", program)
        for path in directories {
            guard path != "/" else {
                throw BootstrapError("A file of the agent is to be in '/', where the service may not write")
            }
            try Self.refusePrivate("A directory of the agent", path)
        }
        self.name = stem
        self.program = program
        self.settingsFile = settingsFile
        self.directories = directories
    }

    /// - Parameters:
    ///   - what: Begins the sentence that says so.
    ///   - path: Of a file or directory, or the address of a socket.
    /// - Throws: ``BootstrapError`` for a path that the service would not see.
    static func refusePrivate(_ what: String, _ path: String) throws(BootstrapError) {
        let plain = path.hasPrefix("unix://") ? String(path.dropFirst("unix://".count)) : path
        guard let place = privatePlaces.first(where: { plain == $0 || plain.hasPrefix($0 + "/") }) else { return }
        throw BootstrapError(
            "\(what) is \(path), and a service has a \(place) of its own, where that is not to be found. "
                + "Put it somewhere else.")
    }

    /// The name of its file.
    package var fileName: String { "\(name).service" }

    /// The unit (systemd.service(5), systemd.exec(5)).
    package var text: String {
        func path(_ path: String) -> String {
            path.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "%%")
        }
        return """
            \(Self.mark), and written anew by it.
            [Unit]
            Description=Rancher host agent
            After=network-online.target docker.service
            Wants=network-online.target

            [Service]
            # A program that cannot be started is told to who starts the service.
            Type=exec
            ExecStart=\(path(program)) run
            EnvironmentFile=-\(path(settingsFile))
            Restart=always
            RestartSec=5
            # It ends within seconds, in the middle of anything.
            TimeoutStopSec=30
            OOMScoreAdjust=-500
            UMask=0077

            # What it needs beyond that is the engine's socket, its own directories, and a look into the networks of
            # containers.
            ProtectSystem=strict
            \(directories.map { "ReadWritePaths=-\(path($0))" }.joined(separator: "\n"))
            # The program and the certificates for the engine may be there.
            ProtectHome=read-only
            PrivateTmp=yes
            NoNewPrivileges=yes
            CapabilityBoundingSet=CAP_SYS_ADMIN CAP_SYS_PTRACE CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_CHOWN CAP_FOWNER
            RestrictNamespaces=net
            RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
            RestrictRealtime=yes
            RestrictSUIDSGID=yes
            LockPersonality=yes
            MemoryDenyWriteExecute=yes
            ProtectKernelTunables=yes
            ProtectKernelModules=yes
            ProtectKernelLogs=yes
            ProtectControlGroups=yes
            ProtectClock=yes
            ProtectHostname=yes
            DevicePolicy=closed
            SystemCallArchitectures=native

            [Install]
            WantedBy=multi-user.target

            """
    }

    /// The file with the settings (`EnvironmentFile` in systemd.exec(5)), in the order of their names.
    ///
    /// - Throws: ``BootstrapError`` for a value of several lines.
    package static func settingsText(_ settings: [String: String]) throws(BootstrapError) -> String {
        var text = "# Settings of the Rancher host agent. Keep this file to its owner: there are keys in it.\n"
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) {
            guard !value.contains(where: \.isNewline) else {
                throw BootstrapError("\(name) has several lines, and cannot be a setting of a service")
            }
            var quoted = ""
            for character in value {
                if "\"\\$`".contains(character) { quoted.append("\\") }
                quoted.append(character)
            }
            text += "\(name)=\"\(quoted)\"\n"
        }
        return text
    }

    /// The settings in such a file, by their names.
    package static func settings(in text: String) -> [String: String] {
        var settings: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) where line.first != "#" && line.first != ";" {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            var rest = parts[1]
            if rest.count > 1, rest.hasPrefix("\""), rest.hasSuffix("\"") { rest = rest.dropFirst().dropLast() }
            var value = ""
            while let character = rest.popFirst() {
                guard character == "\\", let next = rest.popFirst() else {
                    value.append(character)
                    continue
                }
                value.append(next)
            }
            settings[String(parts[0])] = value
        }
        return settings
    }
}
