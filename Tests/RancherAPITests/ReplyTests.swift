import LosslessJSON
import Model
import RancherAPI
import Testing

@Suite("An answer of dialect A")
struct ReplyTests {
    private let codec = RancherCodec()
    private let event = EventHeader(
        id: "7c0b", name: "compute.instance.activate", replyTo: "reply.4711", resourceID: "1i20",
        resourceType: "instance")
    private let time = Timestamp(milliseconds: 1_506_300_004_321)

    private func reply(_ answer: Answer, to event: EventHeader? = nil) throws -> JSON {
        try JSON(parsing: codec.reply(to: event ?? self.event, answer, messageID: "d1", at: time))
    }

    /// The members of every success before its data.
    private func success(_ data: JSON?) -> JSON {
        var reply: JSON = [
            "id": "d1", "name": "reply.4711", "previousIds": ["7c0b"], "resourceId": "1i20", "resourceType": "instance",
            "time": 1_506_300_004_321,
        ]
        if let data { reply = reply.setting(["data"], to: data) }
        return reply.setting(["links"], to: .null).setting(["actions"], to: .null)
    }

    @Test("gives the state of an instance as in the worked example")
    func instance() throws {
        let inspection = try JSON(
            parsing:
                #"{"Id":"9b41","Big":9007199254740993,"NetworkSettings":{"IPAddress":"10.42.12.7"}}"#
        )
        let status: JSON = [
            "instanceUuid": "85db", "externalId": "9b41", "dockerInspect": inspection, "primaryIpAddress": "10.42.12.7",
        ]
        #expect(
            try reply(.instance(uuid: "85db", inspection: inspection, address: ""))
                == success(["deploymentSyncResponse": ["instanceStatus": [status]]]))
    }

    @Test("gives the uuid only where there is no container")
    func noContainer() throws {
        let expected = success(["deploymentSyncResponse": ["instanceStatus": [["instanceUuid": "85db"]]]])
        #expect(try reply(.instance(uuid: "85db", inspection: nil, address: "")) == expected)
        #expect(try reply(.instance(uuid: "85db", inspection: .null, address: "")) == expected)
    }

    @Test(
        "finds the address where this engine has it",
        arguments: [
            (#"{"IPAddress":"1.2.3.4","Networks":{"a":{"IPAddress":"9.9.9.9"}}}"#, "1.2.3.4"),
            (
                #"{"IPAddress":"","Networks":{"z":{"IPAddress":"9"},"b":{"IPAddress":"2.2.2.2"},"a":{"IPAddress":""}}}"#,
                "2.2.2.2"
            ),
            (#"{"Networks":{"bridge":{"IPAddress":"2.2.2.2"}}}"#, "2.2.2.2"), (#"{"Networks":null}"#, nil), ("{}", nil),
            (#"{"Networks":{"host":{"IPAddress":""}}}"#, nil), ("null", nil),
        ])
    func address(settings: String, expected: String?) throws {
        let inspection: JSON = ["Id": "9b41", "NetworkSettings": try JSON(parsing: settings)]
        let status = try reply(.instance(uuid: "85db", inspection: inspection, address: ""))["data"][
            "deploymentSyncResponse"][
                "instanceStatus"][0]
        #expect(status["primaryIpAddress"].text == expected)
        #expect(status.object?["primaryIpAddress"] == expected.map(JSON.string), "left out, not null")
    }

    @Test("hands an inspection on as it came, digit by digit (defects 45, 46)")
    func inspectionUnchanged() {
        let text =
            #"{"Z":1,"Id":"9b41","A":9007199254740993,"F":1.50,"E":1E+2,"D":{"x":1,"x":2},"Image":"sha256:1"}"#
        let body = codec.reply(
            to: event, .instance(uuid: "u", inspection: (try? JSON(parsing: text)) ?? .null, address: ""),
            messageID: "m", at: time)
        #expect(body.contains(text))
    }

    @Test("has no data where there is nothing to report")
    func done() throws {
        #expect(try reply(.done) == success(nil))
        #expect(try reply(.done).object?["data"] == nil)
    }

    @Test("leaves out a resource that the event did not name")
    func withoutResource() throws {
        let event = EventHeader(id: "e", name: "x", replyTo: "reply.1", resourceID: nil, resourceType: nil)
        #expect(try reply(.done, to: event).object?.keys == ["id", "name", "previousIds", "time", "links", "actions"])
    }

    @Test("gives an inspection under the resource's type")
    func inspection() throws {
        func event(_ type: String?) -> EventHeader {
            EventHeader(
                id: "e", name: "compute.instance.inspect", replyTo: "reply.1", resourceID: nil, resourceType: type)
        }
        #expect(
            try reply(.inspection(["Id": "c"]), to: event("instanceInspect"))["data"] == [
                "instanceInspect": ["Id": "c"]
            ])
        #expect(try reply(.inspection(["Id": "c"]), to: event("other"))["data"] == ["other": ["Id": "c"]])
        #expect(
            try reply(.inspection(nil), to: event(nil))["data"]
                == ["instanceInspect": ["Mounts": nil, "Config": nil, "NetworkSettings": nil]])
    }

    @Test("gives an image among the fields")
    func image() throws {
        let event = EventHeader(
            id: "e", name: "compute.instance.pull", replyTo: "reply.1", resourceID: nil, resourceType: "resourcePull")
        let expected: JSON = ["fields": ["dockerImage": ["Id": "sha256:1"]]]
        #expect(try reply(.image(["Id": "sha256:1"]), to: event)["data"] == expected)
        #expect(try reply(.inspection(["Id": "sha256:1"]), to: event)["data"] == expected)
        let missing = try reply(.image(nil), to: event)["data"]["fields"]["dockerImage"]
        #expect(missing["Id"] == "")
        #expect(missing["Size"] == 0)
        #expect(missing.object?["RepoTags"] == .null)
    }

    @Test("is exactly as documented when it is a failure")
    func failure() throws {
        let text = "Error response from daemon: manifest for nginx:1.13 not found: manifest unknown"
        #expect(
            try reply(.failure(text)) == [
                "name": "reply.4711", "previousIds": ["7c0b"], "transitioning": "error",
                "transitioningMessage": .string(text),
                "links": nil, "actions": nil,
            ])
    }

    @Test(
        "never begins with the name of a class (defect 28)",
        arguments: [
            ("class:java.lang.Error", "error: class:java.lang.Error"), ("  class:x", "error: class:x"),
            ("Class:x", "error: Class:x"), ("class", "class"), ("no class:x", "no class:x"),
            ("", "error: no reason was given"), (" \n", "error: no reason was given"),
        ])
    func classNames(text: String, expected: String) throws {
        #expect(try reply(.failure(text))["transitioningMessage"].text == expected)
    }

    @Test("is as documented when it is about progress")
    func progress() throws {
        #expect(
            try JSON(parsing: codec.progress(of: event, text: "Pulling from library/nginx")) == [
                "name": "reply.4711", "previousIds": ["7c0b"], "resourceId": "1i20", "resourceType": "instance",
                "transitioning": "yes", "transitioningMessage": "Pulling from library/nginx", "links": nil,
                "actions": nil,
            ])
    }

    @Test("to a ping has its three members always")
    func ping() throws {
        let event = EventHeader(id: "p", name: "ping", replyTo: "reply.99", resourceID: "1a3", resourceType: "agent")
        let full = try JSON(
            parsing: codec.pingReply(
                to: event, resources: [["type": "host"]], instancesComplete: true, messageID: "m", at: time))
        #expect(full["data"] == ["resources": [["type": "host"]], "options": ["instances": true], "hashKey": ""])
        #expect(full["resourceId"] == "1a3")
        #expect(full["resourceType"] == "agent")
        let empty = try JSON(
            parsing: codec.pingReply(to: event, resources: [], instancesComplete: false, messageID: "m", at: time))
        #expect(empty["data"] == ["resources": [], "options": [:], "hashKey": ""])
    }
}
