internal import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Puts the files of a ``ServiceUnit`` in place and tells systemd of them.
package struct ServiceInstaller: Sendable {
    /// Where units of the administrator are.
    package var unitDirectory = "/etc/systemd/system"
    /// Where units of other programs are, which one of the administrator would hide.
    package var foreignDirectories = [
        "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",
    ]
    /// Where the settings are kept.
    package var settingsDirectory = "/etc/rancher-agent"
    /// Is there where systemd runs (sd_booted(3)).
    package var mark = "/run/systemd/system"
    /// Runs `systemctl` with the words, and returns its exit code.
    package var systemctl: @Sendable ([String]) -> Int32 = { Self.run(["systemctl"] + $0) }

    package init() {}

    /// Installs the service, and has it started now and with the system.
    ///
    /// - Parameters:
    ///   - name: Of the service, with or without `.service`.
    ///   - program: The whole path of the program that the service runs.
    ///   - settings: Kept for the service. Without any, those of an earlier time stay.
    ///   - directories: Written by the agent.
    /// - Returns: What was done, for people.
    /// - Throws: ``BootstrapError``, with the files as they were before unless it says that the service is installed.
    package func register(
        name: String, program: String, settings: [String: String], directories: [String]
    ) throws(BootstrapError) -> String {
        try requireSystemd()
        let unit = try ServiceUnit(
            name: name, program: program, settingsFile: settingsFile(name), directories: directories)
        let text = try ServiceUnit.settingsText(settings)
        guard !settings.isEmpty || TextFile.exists(unit.settingsFile) else {
            throw BootstrapError(
                "The service would not know its server. Give the registration URL as well: rancher-agent --url URL "
                    + "--register-service \(unit.name)")
        }
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) { try ServiceUnit.refusePrivate(name, value) }
        let path = "\(unitDirectory)/\(unit.fileName)"
        try refuseForeign(unit, path)
        for directory in directories { try TextFile.makeDirectory(directory) }
        let before = (settings: try TextFile.read(unit.settingsFile), unit: try TextFile.read(path))
        do throws(BootstrapError) {
            if !settings.isEmpty { try TextFile.replace(unit.settingsFile, with: text, mode: 0o600) }
            try TextFile.replace(path, with: unit.text, mode: 0o644)
            try tell(["daemon-reload"])
        } catch {
            try restore(unit.settingsFile, before.settings, mode: 0o600, after: error)
            try restore(path, before.unit, mode: 0o644, after: error)
            throw error
        }
        do throws(BootstrapError) {
            try tell(["enable", unit.fileName])
            try tell(["restart", unit.fileName])
        } catch {
            throw BootstrapError(
                "The service \(unit.name) is installed, and does not run as it should: \(error). "
                    + "See journalctl -u \(unit.name)")
        }
        return "The service \(unit.name) is installed and started. Its log: journalctl -u \(unit.name). Its settings: "
            + "\(unit.settingsFile)"
    }

    /// The settings that are kept for a service; none if it was never installed.
    ///
    /// - Parameter name: Of the service, with or without `.service`.
    /// - Throws: ``BootstrapError`` if they cannot be read.
    package func keptSettings(name: String) throws(BootstrapError) -> [String: String] {
        ServiceUnit.settings(in: try TextFile.read(settingsFile(name)) ?? "")
    }

    private func refuseForeign(_ unit: ServiceUnit, _ path: String) throws(BootstrapError) {
        if TextFile.isThere(path), try TextFile.read(path)?.hasPrefix(ServiceUnit.mark) != true {
            throw BootstrapError(
                "\(path) was not written by this program, and is left alone. Give the service another name.")
        }
        for directory in foreignDirectories where TextFile.isThere("\(directory)/\(unit.fileName)") {
            throw BootstrapError(
                "There is a service \(unit.name) of another program in \(directory). Give this one another name.")
        }
    }

    private func restore(
        _ path: String, _ text: String?, mode: UInt32, after error: BootstrapError
    ) throws(BootstrapError) {
        do throws(BootstrapError) {
            if let text {
                try TextFile.replace(path, with: text, mode: mode_t(mode))
            } else {
                _ = try TextFile.remove(path)
            }
        } catch let second {
            throw BootstrapError("\(error). \(path) is as it was to be, and not as it was before: \(second)")
        }
    }

    /// Stops the service and removes its unit. The settings and all that the agent remembers stay.
    ///
    /// - Parameter name: `nil` for the only one that this program has installed.
    /// - Returns: What was done, for people.
    /// - Throws: ``BootstrapError``, also if there is no such service of ours, or more than one.
    package func unregister(name: String?) throws(BootstrapError) -> String {
        try requireSystemd()
        let wanted: String
        if let name { wanted = name } else { wanted = try installed() }
        let unit = try ServiceUnit(
            name: wanted, program: "/", settingsFile: settingsDirectory, directories: [])
        let path = "\(unitDirectory)/\(unit.fileName)"
        guard let text = try TextFile.read(path) else {
            throw BootstrapError("There is no service \(unit.name) in \(unitDirectory)")
        }
        guard text.hasPrefix(ServiceUnit.mark) else {
            throw BootstrapError("\(path) was not written by this program, and is left alone")
        }
        try tell(["disable", "--now", unit.fileName])
        _ = try TextFile.remove(path)
        try tell(["daemon-reload"])
        return "The service \(unit.name) is stopped and removed. Its settings are kept in \(settingsFile(unit.name))"
    }

    private func installed() throws(BootstrapError) -> String {
        var names: [String] = []
        for file in (try? FileManager.default.contentsOfDirectory(atPath: unitDirectory)) ?? []
        where file.hasSuffix(".service") {
            // A unit that cannot be read is none of ours.
            guard let text = try? TextFile.read("\(unitDirectory)/\(file)"), text.hasPrefix(ServiceUnit.mark) else {
                continue
            }
            names.append(String(file.dropLast(".service".count)))
        }
        guard let first = names.first else {
            throw BootstrapError("There is no service of this program in \(unitDirectory)")
        }
        guard names.count == 1 else {
            throw BootstrapError(
                "There are the services \(names.sorted().joined(separator: ", ")). Say which: --unregister-service "
                    + "--register-service NAME")
        }
        return first
    }

    private func settingsFile(_ name: String) -> String {
        "\(settingsDirectory)/\(name.hasSuffix(".service") ? String(name.dropLast(8)) : name).env"
    }

    private func requireSystemd() throws(BootstrapError) {
        guard TextFile.exists(mark) else {
            throw BootstrapError(
                "There is no systemd here, so no service was installed or removed: start the agent like any other "
                    + "program or container.")
        }
    }

    private func tell(_ words: [String]) throws(BootstrapError) {
        let code = systemctl(words)
        guard code == 0 else {
            throw BootstrapError("systemctl \(words.joined(separator: " ")) has failed with exit code \(code)")
        }
    }

    private static func run(_ words: [String]) -> Int32 {
        var texts: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] =
            ProcessInfo.processInfo.environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in texts + variables { free(text) } }
        var process = pid_t()
        guard posix_spawnp(&process, words[0], nil, nil, &texts, &variables) == 0 else { return 127 }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 { guard errno == EINTR else { return 127 } }
        return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F)
    }
}
