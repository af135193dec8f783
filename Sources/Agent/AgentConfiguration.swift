internal import DockerEngine
internal import FoundationEssentials
package import Health
package import HostInfo
package import RancherAPI
package import Reconciler
internal import StoragePlugin
internal import URLCoding

/// All settings, read from the environment once and never changed again (PROTOCOL 1.3, 1.4).
package struct AgentConfiguration: Sendable {
    /// Where to register; `nil` if the credentials are given.
    package var registrationURL: String?
    /// The API's URL as configured; empty if it comes from the registration script.
    package var url: String
    package var accessKey: String
    package var secretKey: String
    package var agentIP: String
    /// The name or address that is reported as this host's; empty takes the agent's.
    package var dockerHostIP: String
    package var stateDirectory: String
    /// Where the server's public key is kept.
    package var apiCertificatePath: String
    package var orchestration: String
    package var pingsWithResources: Bool
    package var hostAPIProxy: String
    package var hostLabels: [String: String]
    /// Labels for the scheduler, by their names on the host.
    package var schedulerLabels: [String: String]
    package var hostname: String?
    package var nodeName: String
    package var physicalHostUUID: String
    /// Where this host's identity is kept for servers of dialect B.
    package var uuids: HostUUIDs.Place
    package var agentImage: String
    /// In bytes.
    package var memoryOverride: Int?
    package var milliCPUOverride: Int?
    /// In MiB.
    package var localStorageOverride: Int?
    /// Where the host's own figures are read.
    package var hostRoots: HostRoots
    /// Where the storage plug-ins have their sockets.
    package var storagePluginDirectory: String
    package var hostKeyPath: String
    /// Where the cloud's identity document is; `nil` if it is not to be asked for.
    package var cloudMetadataURL: String?
    /// Where the metadata of the cloud `aliyun` are; `nil` if they are not to be asked for.
    package var aliyunMetadataURL: String?
    /// The program that brings the configuration up to date, and the directory that it runs in.
    package var configurationProgram: String
    package var home: String
    /// Where agent instances get their configuration; empty for the API's URL.
    package var configurationURL: String
    /// Told to agent instances.
    package var apiProxyPort: Int
    /// Whether the item `pyagent` is updated like any other.
    package var updatesAgent: Bool
    /// Given to system containers.
    package var proxyVariables: [String: String]
    /// Which calls to the server go through a proxy.
    package var proxies: ProxySettings
    /// A PEM file with certificates to trust besides the system's; `nil` if there is none.
    package var authoritiesFile: String?
    package var dockerHost: String?
    package var dockerCertificatePath: String?
    package var dockerTLSVerify: String?
    package var dockerAPIVersion: String?
    /// Shortens the deadline of every call to the engine and to storage plug-ins.
    package var dockerDeadline: Duration?
    package var logsDebug: Bool
    /// How the log is written.
    package var logFormat = LogFormat.text
    /// Where the daemon may be asked how it is; `nil` if nowhere.
    package var listenAddress: ListenAddress?
    /// Shortens how long a part may take before it counts as stuck.
    package var healthLimit: Duration?
    /// How much is remembered of what is over.
    package var reconcilerLimits = ReconcilerLimits()
    /// What was found wrong with single settings; they were ignored.
    package var warnings: [String] = []

    /// The directory of the state unless it is moved.
    package static let defaultStateDirectory = "/var/lib/rancher/state"
    /// The same in every machine of the cloud.
    package static let defaultCloudMetadataURL = "http://169.254.169.254/latest/dynamic/instance-identity/document"
    /// The same in every machine of the cloud `aliyun`.
    package static let defaultAliyunMetadataURL = "http://100.100.100.200/latest/meta-data"

    /// Reads the environment.
    ///
    /// - Parameters:
    ///   - environment: The variables with the settings, such as `CATTLE_URL`.
    ///   - registrationURL: From the command line; goes before the environment's.
    ///   - listen: The same.
    ///   - logFormat: The same.
    ///   - given: The directory of the state. The same.
    package init(
        environment: [String: String], registrationURL: String? = nil, listen: String? = nil,
        logFormat: String? = nil, stateDirectory given: String? = nil
    ) {
        /// A setting: empty counts as not given.
        func raw(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        func setting(_ name: String) -> String? { raw("CATTLE_" + name) }
        var warnings: [String] = []
        func number(_ name: String) -> Int? {
            guard let text = setting(name) else { return nil }
            if let number = Int(text), number > 0 { return number }
            warnings.append("CATTLE_\(name) is \"\(text)\", no positive number, and is ignored")
            return nil
        }
        self.registrationURL =
            registrationURL.flatMap { $0.isEmpty ? nil : $0 } ?? setting("REGISTRATION_URL")
        url = setting("URL") ?? ""
        accessKey = setting("ACCESS_KEY") ?? "admin"
        secretKey = setting("SECRET_KEY") ?? "adminpass"
        agentIP = setting("AGENT_IP") ?? ""
        dockerHostIP = setting("DOCKER_HOST_IP") ?? ""
        home = setting("HOME") ?? "/var/lib/cattle"
        stateDirectory =
            given.flatMap { $0.isEmpty ? nil : $0 } ?? setting("STATE_DIR") ?? Self.defaultStateDirectory
        apiCertificatePath = setting("CONSOLE_HOST_API_PUBLIC_KEY") ?? home + "/etc/cattle/api.crt"
        orchestration = setting("ORCHESTRATION") ?? ""
        pingsWithResources =
            (setting("PING_ENABLED") ?? "true") == "true" && (setting("DOCKER_ENABLED") ?? "true") == "true"
        hostAPIProxy = setting("HOST_API_PROXY") ?? ""
        hostLabels = Self.labels(fromQuery: setting("HOST_LABELS") ?? "")
        schedulerLabels = [:]
        schedulerLabels["io.rancher.scheduler.ips"] = setting("SCHEDULER_IPS")
        schedulerLabels["io.rancher.scheduler.require_any"] = setting("SCHEDULER_REQUIRE_ANY")
        hostname = setting("HOSTNAME")
        nodeName = (setting("NODE_NAME") ?? "").lowercased()
        physicalHostUUID = setting("PHYSICAL_HOST_UUID") ?? ""
        uuids = HostUUIDs.Place(
            physicalHostFile: setting("PHYSICAL_HOST_UUID_FILE") ?? stateDirectory + "/.physical_host_uuid",
            dockerHostFile: setting("DOCKER_UUID_FILE") ?? stateDirectory + "/.docker_uuid")
        uuids.physicalHost = physicalHostUUID
        uuids.dockerHost = setting("DOCKER_UUID") ?? ""
        configurationProgram = setting("CONFIG_SCRIPT") ?? home + "/config.sh"
        configurationURL = setting("CONFIG_URL") ?? ""
        updatesAgent = (setting("CONFIG_UPDATE_PYAGENT") ?? "true") == "true"
        proxyVariables = [:]
        for name in AgentFacts.proxyVariableNames { proxyVariables[name] = raw(name) }
        proxies = ProxySettings(variables: proxyVariables)
        warnings += proxies.warnings
        // The second is where the installation of old has put the certificate of a private authority (PROTOCOL 1.9.1).
        let usualAuthorities = stateDirectory + "/../etc/ssl/ca.crt"
        authoritiesFile =
            setting("CA_FILE")
            ?? (FileManager.default.fileExists(atPath: usualAuthorities) ? usualAuthorities : nil)
        agentImage = environment["RANCHER_AGENT_IMAGE"] ?? ""
        memoryOverride = number("MEMORY_OVERRIDE")
        milliCPUOverride = number("MILLI_CPU_OVERRIDE")
        localStorageOverride = number("LOCAL_STORAGE_MB_OVERRIDE")
        apiProxyPort = number("API_PROXY_LISTEN_PORT") ?? 9342
        // Nothing listens on this; whoever sets it still wants to know of a slip (PROTOCOL 12.1 no. 12).
        _ = number("HOST_API_PORT")
        hostRoots = HostRoots(environment: environment)
        storagePluginDirectory = setting("STORAGE_PLUGIN_DIR") ?? StoragePlugins.defaultDirectory
        hostKeyPath = setting("HOST_KEY_FILE") ?? stateDirectory + "/../etc/ssl/host.key"
        func metadata(_ name: String, _ usual: String?) -> String? {
            let url = setting(name) ?? usual
            if let url, !url.hasPrefix("http://"), !url.hasPrefix("https://") {
                warnings.append("CATTLE_\(name) is \"\(url)\", no http URL, and the cloud is not asked")
                return nil
            }
            return url
        }
        cloudMetadataURL = metadata("CLOUD_METADATA_URL", Self.defaultCloudMetadataURL)
        // Who says where one cloud is to be asked is not in the other.
        aliyunMetadataURL = metadata(
            "ALIYUN_METADATA_URL", setting("CLOUD_METADATA_URL") == nil ? Self.defaultAliyunMetadataURL : nil)
        if (setting("DETECT_CLOUD_PROVIDER") ?? "true") != "true" {
            cloudMetadataURL = nil
            aliyunMetadataURL = nil
        }
        dockerHost = raw("DOCKER_HOST")
        dockerCertificatePath = raw("DOCKER_CERT_PATH")
        dockerTLSVerify = raw("DOCKER_TLS_VERIFY")
        dockerAPIVersion = raw("DOCKER_API_VERSION")
        if let text = dockerAPIVersion, APIVersion(text) == nil {
            warnings.append("DOCKER_API_VERSION is \"\(text)\", no version such as 1.41, and is ignored")
        }
        dockerDeadline = number("DOCKER_DEADLINE_SECONDS").map { .seconds($0) }
        if let count = number("KEPT_EVENTS") { reconcilerLimits.closedEvents = count }
        if let count = number("KEPT_RESOURCES") { reconcilerLimits.removedResources = count }
        if let seconds = number("TIDY_SECONDS") { reconcilerLimits.housekeepingInterval = .seconds(seconds) }
        healthLimit = number("HEALTH_LIMIT_SECONDS").map { .seconds($0) }
        if let text = listen.flatMap({ $0.isEmpty ? nil : $0 }) ?? setting("LISTEN") {
            listenAddress = ListenAddress(text)
            if listenAddress == nil {
                warnings.append(
                    "\"\(text)\" is no address of this host alone with a port, such as 127.0.0.1:9346: nobody can ask "
                        + "how the agent is")
            }
        }
        if let text = logFormat.flatMap({ $0.isEmpty ? nil : $0 }) ?? setting("LOG_FORMAT") {
            if let format = LogFormat(rawValue: text) {
                self.logFormat = format
            } else {
                warnings.append("\"\(text)\" is no format of the log: text or json")
            }
        }
        logsDebug = setting("SCRIPT_DEBUG") != nil || raw("RANCHER_DEBUG") != nil
        self.warnings = warnings
    }

    /// What makes it impossible to run at all; `nil` if nothing does.
    package var fault: String? {
        if registrationURL == nil, url.isEmpty {
            return "Neither a registration URL (--url or CATTLE_REGISTRATION_URL) nor CATTLE_URL is given. "
                + "The server's \"add host\" page shows the registration URL."
        }
        return nil
    }

    /// The files that the agent writes by a name of their own, wherever they are.
    package var writtenFiles: [String] {
        [hostKeyPath, apiCertificatePath, uuids.physicalHostFile, uuids.dockerHostFile]
    }

    /// Labels in the syntax of a URL's query; of a repeated key the first counts.
    static func labels(fromQuery query: String) -> [String: String] {
        var labels: [String: String] = [:]
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let key = PercentCoding.decoded(parts[0], plusIsBlank: true)
            guard !key.isEmpty, labels[key] == nil else { continue }
            labels[key] = parts.count > 1 ? PercentCoding.decoded(parts[1], plusIsBlank: true) : ""
        }
        return labels
    }
}

extension AgentConfiguration: CustomStringConvertible {
    /// What a log shows of it: nothing of keys, tokens and passwords.
    package var description: String { "settings for \(stateDirectory)" }
}
