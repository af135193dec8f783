import Bootstrap
import LosslessJSON
import Testing

@Suite("The settings of a launch")
struct LaunchSettingsTests {
    @Test("hand on what is the agent's, and nothing of the launch itself or of anybody else")
    func passedOn() {
        let settings = LaunchSettings(environment: [
            "CATTLE_AGENT_IP": "192.0.2.7", "CATTLE_HOST_LABELS": "a=b&c=d", "http_proxy": "http://p:3128",
            "NO_PROXY": "", "RANCHER_DEBUG": "true", "CATTLE_REGISTRATION_SECRET_KEY": "s",
            "CATTLE_URL_OVERRIDE": "http://o",
            "CATTLE_URL": "http://u", "CATTLE_STATE_DIR": "/x", "CATTLE_DETECT_CLOUD_PROVIDER": "false", "PATH": "/bin",
            "CATTLE_EMPTY": "", "HOME": "/root", "RANCHER_AGENT_IMAGE": "i", "HOST_PROC": "/p", "HOST_SYS": "/s",
            "HOST_ETC": "/e", "DOCKER_HOST": "unix:///x",
        ])
        #expect(
            settings.passedOn == [
                "CATTLE_AGENT_IP": "192.0.2.7", "CATTLE_HOST_LABELS": "a=b&c=d", "http_proxy": "http://p:3128",
                "RANCHER_DEBUG": "true", "CATTLE_DETECT_CLOUD_PROVIDER": "false", "CATTLE_URL": "http://u",
                "HOST_PROC": "/p", "HOST_SYS": "/s", "HOST_ETC": "/e",
            ])
        #expect(settings.url == "http://o")
        #expect(settings.override == "http://o")
        #expect(LaunchSettings(environment: ["CATTLE_URL": "http://u"]).override == "")
        #expect(LaunchSettings(environment: ["CATTLE_URL": "http://u"]).url == "http://u")
    }

    @Test(
        "give all privileges unless told otherwise",
        arguments: [
            ([:], LaunchSettings.Privilege.full), (["CATTLE_AGENT_PRIVILEGED": ""], .full),
            (["CATTLE_AGENT_PRIVILEGED": "true"], .full), (["CATTLE_AGENT_PRIVILEGED": "false"], .least),
            (["CATTLE_AGENT_PRIVILEGED": "no"], .least),
        ])
    func privilege(environment: [String: String], expected: LaunchSettings.Privilege) {
        #expect(LaunchSettings(environment: environment).privilege == expected)
    }

    @Test(
        "refuse an address that is none of IPv4",
        arguments: [
            ("192.0.2.7", true), ("0.0.0.0", true), ("256.1.1.1", false), ("1.2.3", false), ("1.2.3.4.5", false),
            ("host", false), ("::1", false), ("1.2.3.", false), ("1.2.3.-4", false), ("1.2.3.0004", false),
            (" 1.2.3.4", false),
        ])
    func address(text: String, isGood: Bool) {
        let fault = LaunchSettings(environment: ["CATTLE_AGENT_IP": text]).fault
        #expect((fault == nil) == isGood)
        #expect(isGood || fault?.contains(text) == true)
    }

    @Test("are nothing to complain about if there are none, or if they say what is so anyway")
    func none() {
        #expect(LaunchSettings(environment: [:]).fault == nil)
        let usual = [
            "DOCKER_HOST": "unix:///run/docker.sock", "CATTLE_STATE_DIR": "/var/lib/rancher/state/",
            "CATTLE_HOME": "/var/lib/cattle",
        ]
        #expect(LaunchSettings(environment: usual).fault == nil)
    }

    @Test(
        "are refused where the agent's container has something in another place",
        arguments: [("DOCKER_HOST", "tcp://e:1"), ("CATTLE_STATE_DIR", "/var/lib/rancher"), ("CATTLE_HOME", "/x/")])
    func misplaced(name: String, value: String) {
        #expect(LaunchSettings(environment: [name: value]).fault?.contains("\(name) is '") == true)
    }
}

@Suite("The report about a host")
struct HostReportTests {
    @Test("is read as it was printed")
    func roundTrip() {
        for report in [
            HostReport(token: "ab=cd", isBoot2Docker: false, isVarLibWritable: true, detectedAgentIP: "192.0.2.7"),
            HostReport(token: nil, isBoot2Docker: true, isVarLibWritable: false, varLibFault: "a = b"),
        ] {
            #expect(HostReport(parsing: report.lines.joined(separator: "\n")) == report)
        }
    }

    @Test("is found among other lines, and with the line ends of a terminal")
    func noise() {
        let output =
            "hello\r\nINFO: env TOKEN=abc\r\nINFO: envious=1\r\nINFO: env CATTLE_VAR_LIB_WRITABLE=true\r\nINFO: env X\n"
        #expect(HostReport(parsing: output) == HostReport(token: "abc", isBoot2Docker: false, isVarLibWritable: true))
        #expect(HostReport(parsing: "").token == nil)
        #expect(HostReport(parsing: "INFO: env TOKEN=").token == nil)
    }
}

@Suite("The container that a process is in")
struct OwnContainerTests {
    private static let id = String(repeating: "0123456789abcdef", count: 4)

    @Test("is known by the files of its name resolution")
    func id() {
        let docker = """
            1 0 0:50 / / rw - overlay overlay rw
            2 1 8:1 /var/lib/docker/containers/\(Self.id)/resolv.conf /etc/resolv.conf rw - ext4 /dev/sda1 rw
            3 1 8:1 /var/lib/docker/containers/\(Self.id)/hostname /etc/hostname rw - ext4 /dev/sda1 rw
            """
        #expect(OwnContainer.id(mountInfo: docker) == Self.id)
        let podman = "2 1 0:2 /containers/overlay-containers/\(Self.id)/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw"
        #expect(OwnContainer.id(mountInfo: podman) == Self.id)
    }

    @Test(
        "is unknown outside of one",
        arguments: [
            "", "1 0 8:1 / / rw - ext4 /dev/sda1 rw", "1 0 8:1 /x /etc/hosts", "1 0 8:1",
            "2 1 8:1 /var/lib/docker/volumes/0123/x /etc/hosts rw - ext4 a b",
        ])
    func outside(text: String) { #expect(OwnContainer.id(mountInfo: text) == nil) }

    @Test("tells its image, where the engine's socket is on the host, and whose network it is in")
    func inspection() {
        let labels: JSON = ["io.rancher.container.system": "rancher-agent"]
        let inspection: JSON = [
            "Id": "i", "Image": "sha256:1", "Config": ["Image": "agent:2", "Labels": labels],
            "HostConfig": ["NetworkMode": "host"],
            "Mounts": [
                ["Type": "bind", "Source": "/x", "Destination": "/y"],
                ["Type": "bind", "Source": "/run/user/1000/docker.sock", "Destination": "/var/run/docker.sock"],
            ],
        ]
        #expect(
            OwnContainer(inspection: inspection)
                == OwnContainer(
                    id: "i", image: "agent:2", socketOnHost: "/run/user/1000/docker.sock", isInHostNetwork: true))
        // The socket that is used goes before one that is merely there.
        #expect(OwnContainer(inspection: inspection, socket: "/y")?.socketOnHost == "/x")
        let bare = OwnContainer(inspection: [
            "Image": "sha256:1", "Config": ["Labels": labels], "HostConfig": ["NetworkMode": "default"],
        ])
        #expect(bare?.image == "sha256:1")
        #expect(bare?.isInHostNetwork == false)
    }

    @Test("is not one of another image, whose network it only uses")
    func another() {
        for labels in [[:], ["io.rancher.container.system": "NetworkAgent"]] as [JSON] {
            #expect(OwnContainer(inspection: ["Id": "x", "Config": ["Image": "nginx", "Labels": labels]]) == nil)
        }
    }
}
