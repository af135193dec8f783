internal import RancherAPI

/// What `inspect-host` does, in a container of its own with the host's `/var/lib` (PROTOCOL 1.9.3).
package struct HostInspection: Sendable {
    /// Where the host's `/var/lib` is.
    package var varLib = "/var/lib"
    package var environment: [String: String]

    /// The server's own certificate, for keeping.
    static let certificateVariable = "CATTLE_CA_CERTIFICATE"
    /// The registration script, if this host's address is to be asked for there.
    static let scriptVariable = "CATTLE_REGISTRATION_URL"

    package init(environment: [String: String]) { self.environment = environment }

    /// Looks, and makes what is to last: the key of this host, and the server's certificate.
    ///
    /// - Throws: ``BootstrapError`` if they cannot be kept although `/var/lib` can be written, or if there is a key
    ///   already and `/var/lib` cannot be written: with a key that is made elsewhere this would be another host.
    package func run() async throws -> HostReport {
        let directory = varLib + "/rancher"
        let fault = Self.writingFault(in: directory + "/state")
        var report = HostReport(
            token: nil, isBoot2Docker: TextFile.exists(varLib + "/boot2docker"), isVarLibWritable: fault == nil,
            varLibFault: fault)
        if let fault { try Self.refuseKey(in: directory + "/state", fault) }
        var trust = TrustStore()
        trust.authority = directory + "/etc/ssl/ca.crt"
        let certificate = environment[Self.certificateVariable] ?? ""
        if report.isVarLibWritable {
            if !certificate.isEmpty { try trust.keep(certificate) }
            do {
                report.token = try RegistrationToken.load(directory: directory + "/state")
            } catch {
                throw BootstrapError("The key of this host cannot be kept: \(error)")
            }
        }
        if let url = (environment[Self.scriptVariable] ?? "").nonEmpty {
            // Without an answer the launch makes do with what it was told itself.
            report.detectedAgentIP = try? await Self.address(
                seenFrom: url, authority: try TextFile.read(trust.authority) == nil ? nil : trust.authority,
                proxies: ProxySettings(variables: environment))
        }
        return report
    }

    private static func address(seenFrom url: String, authority: String?, proxies: ProxySettings) async throws
        -> String?
    {
        var registration = Registration(registrationURL: try APIURL(url), token: "")
        registration.deadline = .seconds(15)
        let client = try ServerHTTP(proxies: proxies, extraTrustRoots: authority)
        let script: Result<RegistrationScript, any Error>
        do {
            script = .success(try await registration.fetchScript(client))
        } catch {
            script = .failure(error)
        }
        try? await client.shutdown()
        return try script.get().detectedAgentIP.nonEmpty
    }

    /// - Returns: Why nothing can be written there; `nil` if something can.
    private static func writingFault(in directory: String) -> String? {
        let probe = directory + "/.written-by-inspect-host"
        do throws(BootstrapError) {
            try TextFile.replace(probe, with: String(repeating: "x", count: 4096), mode: 0o600)
            _ = try TextFile.remove(probe)
            return nil
        } catch {
            return error.description.split(whereSeparator: \.isNewline).joined(separator: " ")
        }
    }

    private static func refuseKey(in directory: String, _ fault: String) throws(BootstrapError) {
        do throws(RancherError) {
            guard try RegistrationToken.stored(directory: directory) != nil else { return }
        } catch {
            throw BootstrapError("The key of this host cannot be read: \(error)")
        }
        throw BootstrapError(
            "The key of this host is in \(directory), and nothing can be written there now. Is the disk full? \(fault)")
    }
}

extension String {
    /// `nil` for an empty text.
    var nonEmpty: String? { isEmpty ? nil : self }
}
