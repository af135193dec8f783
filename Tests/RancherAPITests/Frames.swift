import LosslessJSON
import Model
import RancherAPI

/// The worked example of PROTOCOL A.1.
let activateFrame = #"""
    {"id":"7c0b6c1e-2d0e-4f5c-9a55-0d7a3f1b2c3d","name":"compute.instance.activate",
     "replyTo":"reply.4711","resourceId":"1i20","resourceType":"instance",
     "time":1506300000000,"timeoutMillis":45000,
     "data":{
      "processData":{"containerNoOpEvent":false},
      "deploymentSyncRequest":{
       "type":"deploymentSyncRequest","revision":"6f3e…","nodeName":"node1","namespace":"default",
       "containers":[
        {"id":"1i20","uuid":"85db87bf-cb14-4643-9e7d-a13e3e77a991","name":"web","image":"nginx:1.13",
         "externalId":null,"firstRunning":null,"registryCredentialId":"1c7","primaryNetworkId":"1n4",
         "command":null,"entryPoint":null,"environment":{"A":"1"},"labels":{"io.rancher.cni.wait":"true"},
         "stdinOpen":true,"tty":true,"dataVolumes":["data:/data","/srv:/srv:ro"],"dataVolumesFrom":["1i19"],
         "dns":["169.254.169.250"],"dnsSearch":["web.rancher.internal","rancher.internal"],
         "publicEndpoints":[{"privatePort":80,"publicPort":8080,"protocol":"tcp","bindIpAddress":""}],
         "milliCpuReservation":500,"memory":268435456},
        {"id":"1i19","uuid":"0d…","externalId":"f00d…"}],
       "networks":[{"id":"1n4","kind":"cni","name":"managed"}],
       "volumes":[{"id":"1v3","name":"data","driver":"local","driverOpts":null}],
       "registryCredentials":[{"id":"1c7","publicValue":"bob","secretValue":"s3cret"}]}}}
    """#

extension JSON {
    /// The value with the member at a way of keys and indices set, or removed by `nil`.
    func setting(_ way: [Step], to value: JSON?) -> JSON {
        guard let step = way.first else { return value ?? .null }
        let rest = Array(way.dropFirst())
        switch step {
        case .key(let key):
            var object = object ?? JSONObject()
            object[key] = rest.isEmpty ? value : (object[key] ?? .null).setting(rest, to: value)
            return .object(object)
        case .index(let index):
            var elements = array ?? []
            guard elements.indices.contains(index) else { return self }
            elements[index] = elements[index].setting(rest, to: value)
            return .array(elements)
        }
    }

    enum Step: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
        case key(String)
        case index(Int)

        init(stringLiteral value: String) { self = .key(value) }
        init(integerLiteral value: Int) { self = .index(value) }
    }
}

/// A frame of some event with a payload.
func frame(_ name: String, data: JSON, resourceID: JSON = "1i20", id: JSON = "e1", replyTo: JSON = "reply.1") -> String
{
    let event: JSON = [
        "id": id, "name": .string(name), "replyTo": replyTo, "resourceId": resourceID, "resourceType": "instance",
        "previousIds": ["a", "b"], "time": 17, "data": data,
    ]
    return event.encodedText
}

/// The activate frame with a field of its first container set.
func activateFrame(container way: JSON.Step..., to value: JSON?) throws -> String {
    try JSON(parsing: activateFrame)
        .setting(["data", "deploymentSyncRequest", "containers", 0] + way, to: value).encodedText
}

/// The activate frame with a field of the request set.
func activateFrame(request way: JSON.Step..., to value: JSON?) throws -> String {
    try JSON(parsing: activateFrame).setting(["data", "deploymentSyncRequest"] + way, to: value).encodedText
}

/// What a frame asks for; fails the test by an error if it is no event.
func request(_ frame: String) throws -> Request { try RancherCodec().decode(frame: frame).request }

func instance(_ frame: String) throws -> InstanceSpecification {
    switch try request(frame) {
    case .activateInstance(let instance), .deactivateInstance(let instance), .removeInstance(let instance):
        return instance
    case let other: throw FrameError(reason: "an instance expected, found \(other)")
    }
}

func unusableReason(_ frame: String) throws -> String? {
    if case .unusable(let reason) = try request(frame) { return reason }
    return nil
}
