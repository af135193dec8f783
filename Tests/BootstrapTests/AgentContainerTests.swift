import Bootstrap
import LosslessJSON
import Testing

@Suite("The container of the agent")
struct AgentContainerTests {
    private static let own = OwnContainer(
        id: "o", image: "agent:2", socketOnHost: "/run/docker.sock", isInHostNetwork: false)
    private static let credentials = [
        "CATTLE_URL": "http://server/v1", "CATTLE_ACCESS_KEY": "a", "CATTLE_SECRET_KEY": "s",
        "CATTLE_AGENT_IP": "192.0.2.7",
    ]

    private static func launched(_ environment: [String: String] = [:], isVarLibWritable: Bool = true) -> AgentContainer
    {
        AgentContainer(
            own: own, settings: LaunchSettings(environment: environment),
            host: HostReport(token: "t", isBoot2Docker: false, isVarLibWritable: isVarLibWritable),
            credentials: credentials)
    }

    private static func texts(_ json: JSON) -> [String] { (json.array ?? []).compactMap(\.text) }

    @Test("is created with the documented options")
    func documented() {
        let body = Self.launched(["CATTLE_HOST_LABELS": "a=b", "https_proxy": "http://p"]).createBody
        #expect(body["Image"].text == "agent:2")
        #expect(Self.texts(body["Cmd"]) == ["run"])
        #expect(
            Self.texts(body["Env"]) == [
                "CATTLE_ACCESS_KEY=a", "CATTLE_AGENT_IP=192.0.2.7", "CATTLE_AGENT_PIDNS=host", "CATTLE_HOST_LABELS=a=b",
                "CATTLE_SECRET_KEY=s", "CATTLE_URL=http://server/v1", "RANCHER_AGENT_IMAGE=agent:2",
                "https_proxy=http://p",
            ])
        let host = body["HostConfig"]
        #expect(host["NetworkMode"].text == "host")
        #expect(host["PidMode"].text == "host")
        #expect(host["Privileged"].boolean == true)
        #expect(host["OomScoreAdj"].integer == -500)
        #expect(host["RestartPolicy"]["Name"].text == "always")
        #expect(
            Set(Self.texts(host["Binds"])) == [
                "/run/docker.sock:/var/run/docker.sock", "/var/run/rancher/storage:/var/run/rancher/storage",
                "/lib/modules:/lib/modules:ro", "/proc:/host/proc", "/dev:/host/dev", "rancher-cni:/.r",
                "rancher-agent-state:/var/lib/cattle", "/var/lib/rancher:/var/lib/rancher",
            ])
        #expect(Self.launched().limitations == [])
    }

    @Test("keeps its files in a volume where the host has no place for them")
    func volume() {
        let binds = Self.texts(Self.launched(isVarLibWritable: false).createBody["HostConfig"]["Binds"])
        #expect(binds.contains("rancher-agent-state:/var/lib/rancher"))
        #expect(!binds.contains("/var/lib/rancher:/var/lib/rancher"))
    }

    @Test("with the least privileges has no capability and nothing of the host but what it works with, and says so")
    func least() {
        let container = Self.launched(["CATTLE_AGENT_PRIVILEGED": "false"])
        let host = container.createBody["HostConfig"]
        #expect(host["Privileged"].boolean == false)
        #expect(Self.texts(host["CapDrop"]) == ["ALL"])
        #expect(Self.texts(host["SecurityOpt"]).contains("no-new-privileges"))
        #expect(host["PidMode"].isNull)
        let binds = Self.texts(host["Binds"])
        #expect(!binds.contains { $0.hasPrefix("/proc") || $0.hasPrefix("/dev") || $0.hasPrefix("/lib/modules") })
        #expect(binds.contains("/run/docker.sock:/var/run/docker.sock"))
        #expect(!Self.texts(container.createBody["Env"]).contains { $0.hasPrefix("CATTLE_AGENT_PIDNS") })
        #expect(!container.limitations.isEmpty)
    }

    private static func old(privileged: Bool = true, mounts: [JSON] = [], environment: [String] = []) -> JSON {
        [
            "Config": ["Env": JSON(environment), "Image": "agent:1"], "HostConfig": ["Privileged": .bool(privileged)],
            "Mounts": .array(mounts),
        ]
    }

    @Test("that takes the place of another has its environment, and what is newly set goes before that")
    func upgraded() throws {
        let old = Self.old(environment: [
            "CATTLE_URL=http://server/v1", "CATTLE_SECRET_KEY=s=t", "CATTLE_HOST_LABELS=a=b", "PATH=/old",
            "RANCHER_AGENT_IMAGE=agent:1", "http_proxy=p",
        ])
        let container = try AgentContainer(
            own: Self.own, settings: LaunchSettings(environment: ["CATTLE_HOST_LABELS": "c=d"]), replacing: old)
        #expect(
            container.environment == [
                "CATTLE_URL": "http://server/v1", "CATTLE_SECRET_KEY": "s=t", "CATTLE_HOST_LABELS": "c=d",
                "http_proxy": "p",
            ])
        #expect(container.image == "agent:2")
        #expect(Self.texts(container.createBody["Env"]).contains("RANCHER_AGENT_IMAGE=agent:2"))
        #expect(container.privilege == .full)
    }

    @Test("that takes the place of one without keys can register itself as that could")
    func upgradedWithoutKeys() throws {
        let url = "CATTLE_REGISTRATION_URL=http://server/v3/scripts/T"
        let settings = LaunchSettings(environment: [:])
        let without = try AgentContainer(
            own: Self.own, settings: settings, replacing: Self.old(environment: [url, "CATTLE_URL=http://server/v3"]))
        #expect(without.environment["CATTLE_REGISTRATION_URL"] == "http://server/v3/scripts/T")
        let with = try AgentContainer(
            own: Self.own, settings: settings, replacing: Self.old(environment: [url, "CATTLE_ACCESS_KEY=a"]))
        #expect(with.environment == ["CATTLE_ACCESS_KEY": "a"])
    }

    @Test("that takes the place of another has the same privileges and the same store, unless told otherwise")
    func upgradedPlaces() throws {
        let mounts: [JSON] = [
            [
                "Type": "volume", "Name": "rancher-agent-state", "Source": "/var/lib/docker/volumes/x/_data",
                "Destination": "/var/lib/rancher",
            ]
        ]
        let own = OwnContainer(id: "o", image: "agent:2", socketOnHost: nil, isInHostNetwork: false)
        let same = try AgentContainer(
            own: own, settings: LaunchSettings(environment: [:]), replacing: Self.old(privileged: false, mounts: mounts)
        )
        #expect(same.privilege == .least)
        #expect(same.stateOnHost == "rancher-agent-state")
        #expect(same.socketOnHost == "/var/run/docker.sock")
        let told = try AgentContainer(
            own: own, settings: LaunchSettings(environment: ["CATTLE_AGENT_PRIVILEGED": "true"]),
            replacing: Self.old(privileged: false))
        #expect(told.privilege == .full)
        #expect(told.stateOnHost == "/var/lib/rancher")
    }
}
