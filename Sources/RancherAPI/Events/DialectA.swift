import LosslessJSON
import Model

/// What the events of Rancher 2.0's technology preview say.
enum DialectA {
    static func request(
        _ kind: EventKind, _ data: PayloadField, _ header: EventHeader
    ) throws(UnusablePayload) -> Request {
        switch kind {
        case .activate: return .activateInstance(try activation(data, header))
        case .deactivate: return .deactivateInstance(try deactivation(data, header))
        case .remove: return .removeInstance(try removal(data, header))
        case .inspect: return try inspection(data)
        case .pull: return try pull(data)
        case .volumeRemove: return try volumeRemoval(data)
        case .ping: return .ping(pingOptions(data))
        case .forceStop, .imageActivate, .imageRemove, .volumeActivate, .volumeDeactivate, .configUpdate:
            throw UnusablePayload(reason: "this agent does not handle events named \(header.name) of this server")
        }
    }
}
