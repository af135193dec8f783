import Foundation
import LosslessJSON
import Testing

@testable import RancherSimulator

struct EventTests {
    static let demo = InstanceEvents(
        id: "1i20", uuid: "85db87bf-cb14-4643-9e7d-a13e3e77a991", name: "demo", image: "rancher-demo:latest",
        command: ["sleep", "3600"], environment: ["GREETING": "hello"], labels: ["demo": "true"],
        dataVolumes: ["demo-data:/data"], volumes: [.init(name: "demo-data")])

    static var ran: InstanceEvents {
        var ran = demo
        ran.firstRunning = 1_506_300_004_321
        return ran
    }

    static let fixtures: [String: JSON] = fixtures(in: .rancher20, "").merging(fixtures(in: .rancher16, "1.6/")) { $1 }

    /// The events of one dialect, by their files.
    private static func fixtures(in dialect: RancherServer.Dialect, _ folder: String) -> [String: JSON] {
        func spoken(_ instance: InstanceEvents) -> InstanceEvents {
            var spoken = instance
            spoken.dialect = dialect
            return spoken
        }
        let image = "rancher-demo:latest"
        let registry = "127.0.0.1:5000"
        let volume = InstanceEvents.Volume(name: "demo-data")
        var events = [
            "activate": spoken(demo).activate(),
            "deactivate": spoken(ran).deactivate(timeoutSeconds: 2),
            "remove": spoken(ran).remove(),
            "inspect": dialect.instanceInspect(name: demo.dockerName),
            "pull": dialect.instancePull(image: image, server: registry, tag: "pull-demo"),
            "pull-complete": dialect.instancePull(image: image, server: registry, complete: true, tag: "pull-demo"),
            "volume-remove": dialect.remove(volume),
            "ping": dialect.ping(stats: true, resources: true, instances: true),
        ]
        if dialect == .rancher16 {
            events["volume-activate"] = RancherServer.Dialect.volumeActivate(volume)
            events["image-activate"] = RancherServer.Dialect.imageActivate(image)
            events["root-volume-remove"] = dialect.remove(.init(rootOf: spoken(ran)))
            events["force-stop"] = RancherServer.Dialect.instanceForceStop(id: demo.dockerName, wantsAnswer: true)
            events["config-update"] = RancherServer.Dialect.configUpdate(items: ["demo"])
        }
        return Dictionary(uniqueKeysWithValues: events.map { (folder + $0.key, $0.value) })
    }

    static var folder: String {
        #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/fixtures"
    }

    /// The event without what is different each time.
    static func lasting(_ event: JSON) -> JSON {
        guard var object = event.object else { return event }
        for key in ["id", "replyTo", "time"] { object[key] = nil }
        return .object(object)
    }

    @Test(arguments: fixtures.keys.sorted())
    func `a fixture is what the builder makes`(name: String) throws {
        let path = "\(Self.folder)/\(name).json"
        let expected = try #require(Self.fixtures[name])
        if ProcessInfo.processInfo.environment["WRITE_FIXTURES"] != nil,
            (try? RancherServer.readEvent(path: path)) == nil
        {
            try expected.prettyText.appending("\n").write(toFile: path, atomically: true, encoding: .utf8)
        }
        let event = try RancherServer.readEvent(path: path)
        #expect(Self.lasting(event) == Self.lasting(expected))
        for key in ["id", "replyTo", "time"] { #expect(event[key].nonEmptyText != nil) }
    }

    @Test func `a file that is no event is refused`() {
        #expect(throws: SimulatorError.self) { try RancherServer.readEvent(path: "/nonexistent") }
        #expect(throws: SimulatorError.self) { try RancherServer.readEvent(path: #filePath) }
    }

    @Test func `a renewed event differs in id, reply address and time only`() {
        let event = Self.demo.activate()
        let renewed = RancherServer.renewed(event)
        #expect(renewed["id"] != event["id"])
        #expect(renewed["replyTo"] != event["replyTo"])
        #expect(renewed["replyTo"].text?.hasPrefix("reply.") == true)
        #expect(Self.lasting(renewed) == Self.lasting(event))
    }

    @Test func `an activate has the instance as its first container`() {
        var instance = Self.demo
        instance.ports = [.init(privatePort: 80, publicPort: 8080)]
        instance.memoryBytes = 1 << 20
        instance.credential = .init(publicValue: "bob", secretValue: "s3cret")
        instance.siblings = [["id": "1i19", "externalId": "f00d"]]
        instance.extra = JSONObject([.init(key: "tty", value: true), .init(key: "hostname", value: "h")])
        let event = instance.activate(isNoOp: true)
        #expect(event["name"] == "compute.instance.activate")
        #expect(event["resourceType"] == "instance")
        #expect(event["resourceId"] == "1i20")
        #expect(event["data"]["processData"]["containerNoOpEvent"] == true)
        let request = event["data"]["deploymentSyncRequest"]
        #expect(request["networks"][0]["kind"] == "dockerBridge")
        #expect(request["networks"][0]["id"] == request["containers"][0]["primaryNetworkId"])
        #expect(request["registryCredentials"][0]["id"] == request["containers"][0]["registryCredentialId"])
        #expect(request["volumes"][0]["name"] == "demo-data")
        #expect(request["containers"][1]["id"] == "1i19")
        let container = request["containers"][0]
        #expect(container["uuid"].text == instance.uuid)
        #expect(container["externalId"].isNull)
        #expect(container["entryPoint"].isNull)
        #expect(container["command"] == ["sleep", "3600"])
        #expect(container["memory"] == 1_048_576)
        #expect(container["tty"] == true)
        #expect(container["hostname"] == "h")
        #expect(container["publicEndpoints"][0]["publicPort"] == 8080)
        #expect(container["labels"]["io.rancher.container.uuid"].text == instance.uuid)
        let keys = container.object?.keys ?? []
        #expect(Set(keys).count == keys.count)
    }

    @Test func `an instance learns its Docker id from an answer`() {
        let answer = Published(
            sequence: 1, arrival: .now, arrivalMilliseconds: 42, accessKey: "A",
            message: ["data": ["deploymentSyncResponse": ["instanceStatus": [["externalId": "9b41"]]]]])
        let known = Self.demo.learned(from: answer)
        #expect(known.externalID == "9b41")
        #expect(known.firstRunning == 42)
        let container = known.deactivate(timeoutSeconds: 3)["data"]["deploymentSyncRequest"]["containers"][0]
        #expect(container["externalId"] == "9b41")
        #expect(container["firstRunning"] == 42)
        #expect(known.deactivate(timeoutSeconds: 3)["data"]["processData"]["timeout"] == 3)
        #expect(known.inspect()["data"]["instanceInspect"]["id"] == "9b41")
        #expect(Self.demo.inspect()["data"]["instanceInspect"]["name"] == "r-demo-85db87bf")
        #expect(known.remove()["data"]["processData"].isNull)
    }

    @Test func `pings ask for everything at first and then for as much as the real server does`() {
        func options(_ number: Int) -> [Bool] {
            let options = RancherServer.Dialect.rancher20.ping(agentID: "1a1", number: number)["data"]["options"]
            return ["stats", "resources", "instances"].map { options[$0].boolean == true }
        }
        #expect(options(0) == [true, true, true])
        #expect(options(1) == [false, false, false])
        #expect(options(3) == [false, false, true])
        #expect(options(12) == [false, true, true])
        #expect(options(24) == [true, true, true])
    }

    @Test func `a pull without a credential has none`() {
        let image = RancherServer.Dialect.rancher20.instancePull(image: "nginx")["data"]["instancePull"]["image"]
        #expect(image["registryCredential"].isNull)
        let secret = RancherServer.Dialect.rancher20.instancePull(
            image: "nginx", credential: .init(publicValue: "bob", secretValue: "s", serverAddress: "r.example"))
        let credential = secret["data"]["instancePull"]["image"]["registryCredential"]
        #expect(credential["publicValue"] == "bob")
        #expect(credential["data"]["fields"]["serverAddress"] == "r.example")
    }
}
