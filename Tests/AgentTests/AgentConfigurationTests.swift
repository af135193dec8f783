import Foundation
import RancherAPI
import Reconciler
import Testing

@testable import Agent

@Suite("The configuration")
struct AgentConfigurationTests {
    @Test("has the documented defaults")
    func defaults() {
        let configuration = AgentConfiguration(environment: [:])
        #expect(configuration.stateDirectory == "/var/lib/rancher/state")
        #expect(configuration.apiCertificatePath == "/var/lib/cattle/etc/cattle/api.crt")
        #expect(configuration.accessKey == "admin")
        #expect(configuration.secretKey == "adminpass")
        #expect(configuration.pingsWithResources)
        #expect(!configuration.logsDebug)
        #expect(configuration.warnings == [])
    }

    @Test("takes an empty variable for one that is not set")
    func emptyVariables() {
        let configuration = AgentConfiguration(environment: [
            "CATTLE_STATE_DIR": "", "CATTLE_ACCESS_KEY": "", "DOCKER_HOST": "", "CATTLE_SCRIPT_DEBUG": "",
        ])
        #expect(configuration.stateDirectory == AgentConfiguration.defaultStateDirectory)
        #expect(configuration.accessKey == "admin")
        #expect(configuration.dockerHost == nil)
        #expect(!configuration.logsDebug)
    }

    @Test("prefers the command line's registration URL to the environment's")
    func registrationURL() {
        let environment = ["CATTLE_REGISTRATION_URL": "http://environment/"]
        #expect(AgentConfiguration(environment: environment).registrationURL == "http://environment/")
        let both = AgentConfiguration(environment: environment, registrationURL: "http://flag/")
        #expect(both.registrationURL == "http://flag/")
        let empty = AgentConfiguration(environment: environment, registrationURL: "")
        #expect(empty.registrationURL == "http://environment/")
    }

    @Test("knows the proxies, and tells of one that it cannot use")
    func proxies() {
        let environment = ["http_proxy": "http://proxy:3128", "NO_PROXY": "inside.example"]
        let configuration = AgentConfiguration(environment: environment)
        #expect(configuration.proxies.plain?.description == "http://proxy:3128")
        #expect(configuration.proxies.exceptions.map(\.description) == ["inside.example"])
        #expect(configuration.proxyVariables == environment)
        #expect(AgentConfiguration(environment: ["https_proxy": "https://proxy"]).warnings.count == 1)
    }

    @Test("trusts the authority that is named, or that an installation of old has left beside the state")
    func authorities() throws {
        let directory = NSTemporaryDirectory() + "authorities-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try FileManager.default.createDirectory(atPath: directory + "/etc/ssl", withIntermediateDirectories: true)
        try FileManager.default.createDirectory(atPath: directory + "/state", withIntermediateDirectories: true)
        var environment = ["CATTLE_STATE_DIR": directory + "/state"]
        #expect(AgentConfiguration(environment: environment).authoritiesFile == nil)
        try Data().write(to: URL(fileURLWithPath: directory + "/etc/ssl/ca.crt"))
        #expect(AgentConfiguration(environment: environment).authoritiesFile == directory + "/state/../etc/ssl/ca.crt")
        environment["CATTLE_CA_FILE"] = "/ca.pem"
        #expect(AgentConfiguration(environment: environment).authoritiesFile == "/ca.pem")
    }

    @Test("prefers the command line's state directory to the environment's")
    func stateDirectory() {
        let environment = ["CATTLE_STATE_DIR": "/environment"]
        #expect(AgentConfiguration(environment: environment, stateDirectory: "/flag").stateDirectory == "/flag")
        #expect(AgentConfiguration(environment: environment, stateDirectory: "").stateDirectory == "/environment")
    }

    @Test("without any server is a fault, told in a sentence")
    func fault() {
        #expect(AgentConfiguration(environment: [:]).fault?.contains("CATTLE_URL") == true)
        #expect(AgentConfiguration(environment: ["CATTLE_URL": "http://server/v3"]).fault == nil)
        #expect(AgentConfiguration(environment: [:], registrationURL: "http://server/x").fault == nil)
    }

    @Test(
        "ignores an override that is no positive number, with a warning",
        arguments: ["0", "-1", "many", "1.5", "99999999999999999999"])
    func overrides(text: String) {
        let configuration = AgentConfiguration(environment: ["CATTLE_MEMORY_OVERRIDE": text])
        #expect(configuration.memoryOverride == nil)
        #expect(configuration.warnings.count == 1)
        #expect(AgentConfiguration(environment: ["CATTLE_MEMORY_OVERRIDE": "1024"]).memoryOverride == 1024)
    }

    @Test("takes no label for the scheduler from a variable that is empty")
    func schedulerLabels() {
        let empty = ["CATTLE_SCHEDULER_IPS": "", "CATTLE_SCHEDULER_REQUIRE_ANY": ""]
        #expect(AgentConfiguration(environment: empty).schedulerLabels == [:])
        #expect(
            AgentConfiguration(environment: ["CATTLE_SCHEDULER_IPS": "10.0.0.1"]).schedulerLabels
                == ["io.rancher.scheduler.ips": "10.0.0.1"])
    }

    @Test(
        "reads host labels in the syntax of a query, the first of a repeated key",
        arguments: [
            ("a=b&c=d", ["a": "b", "c": "d"]), ("a=1&a=2", ["a": "1"]), ("a", ["a": ""]), ("", [:]),
            ("a=b=c", ["a": "b=c"]), ("=x&&", [:]), ("a=%20%C3%A4", ["a": " ä"]), ("a=x+y", ["a": "x y"]),
            ("a=100%", ["a": "100%"]), ("a=%zz", ["a": "%zz"]), ("%61=b", ["a": "b"]),
        ])
    func hostLabels(query: String, labels: [String: String]) {
        #expect(AgentConfiguration(environment: ["CATTLE_HOST_LABELS": query]).hostLabels == labels)
    }

    @Test("ignores an API version that is none, with a warning", arguments: ["latest", "1", "1.x", "1.41.0"])
    func apiVersion(text: String) {
        #expect(AgentConfiguration(environment: ["DOCKER_API_VERSION": text]).warnings.count == 1)
        #expect(AgentConfiguration(environment: ["DOCKER_API_VERSION": "1.41"]).warnings == [])
    }

    @Test("answers pings without resources unless both switches say exactly true")
    func pingSwitches() {
        #expect(!AgentConfiguration(environment: ["CATTLE_PING_ENABLED": "True"]).pingsWithResources)
        #expect(!AgentConfiguration(environment: ["CATTLE_DOCKER_ENABLED": "false"]).pingsWithResources)
        #expect(AgentConfiguration(environment: ["CATTLE_PING_ENABLED": "true"]).pingsWithResources)
    }

    @Test(
        "reports a number that is none, whether or not it is of use (defect 12)",
        arguments: [
            "CATTLE_MEMORY_OVERRIDE", "CATTLE_MILLI_CPU_OVERRIDE", "CATTLE_LOCAL_STORAGE_MB_OVERRIDE",
            "CATTLE_HOST_API_PORT", "CATTLE_API_PROXY_LISTEN_PORT", "CATTLE_DOCKER_DEADLINE_SECONDS",
            "CATTLE_KEPT_EVENTS", "CATTLE_KEPT_RESOURCES", "CATTLE_TIDY_SECONDS",
        ])
    func numbers(name: String) {
        let warnings = AgentConfiguration(environment: [name: "9345x"]).warnings
        #expect(warnings.count == 1 && warnings.allSatisfy { $0.contains(name) && $0.contains("9345x") })
        #expect(AgentConfiguration(environment: [name: "9345"]).warnings == [])
    }

    @Test("bounds what is remembered as documented, unless it is told otherwise")
    func kept() {
        let usual = AgentConfiguration(environment: [:]).reconcilerLimits
        #expect(usual.closedEvents == 5000 && usual.removedResources == 2000)
        #expect(usual.housekeepingInterval == .seconds(60))
        let other = AgentConfiguration(environment: [
            "CATTLE_KEPT_EVENTS": "7", "CATTLE_KEPT_RESOURCES": "5", "CATTLE_TIDY_SECONDS": "3",
        ]).reconcilerLimits
        #expect(other.closedEvents == 7 && other.removedResources == 5)
        #expect(other.housekeepingInterval == .seconds(3))
    }

    @Test("looks for the host key beside the state, unless it is told where")
    func hostKey() {
        let state = ["CATTLE_STATE_DIR": "/s/state"]
        #expect(AgentConfiguration(environment: state).hostKeyPath == "/s/state/../etc/ssl/host.key")
        #expect(AgentConfiguration(environment: ["CATTLE_HOST_KEY_FILE": "/k"]).hostKeyPath == "/k")
    }

    @Test("asks for the cloud where it always is, unless told otherwise or not to")
    func cloud() {
        let usual = AgentConfiguration(environment: [:])
        #expect(usual.cloudMetadataURL == "http://169.254.169.254/latest/dynamic/instance-identity/document")
        #expect(AgentConfiguration(environment: ["CATTLE_DETECT_CLOUD_PROVIDER": "no"]).cloudMetadataURL == nil)
        let other = AgentConfiguration(environment: ["CATTLE_CLOUD_METADATA_URL": "http://127.0.0.1:1/x"])
        #expect(other.cloudMetadataURL == "http://127.0.0.1:1/x")
        let bad = AgentConfiguration(environment: ["CATTLE_CLOUD_METADATA_URL": "127.0.0.1"])
        #expect(bad.cloudMetadataURL == nil)
        #expect(bad.warnings.count == 1)
    }
}
