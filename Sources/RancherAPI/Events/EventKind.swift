import LosslessJSON
import Model

/// The events of both dialects, by the names that they have on the wire (PROTOCOL 3.1).
enum EventKind: String, CaseIterable {
    case activate = "compute.instance.activate"
    case deactivate = "compute.instance.deactivate"
    case forceStop = "compute.instance.force.stop"
    case inspect = "compute.instance.inspect"
    case pull = "compute.instance.pull"
    case remove = "compute.instance.remove"
    case imageActivate = "storage.image.activate"
    case imageRemove = "storage.image.remove"
    case volumeActivate = "storage.volume.activate"
    case volumeDeactivate = "storage.volume.deactivate"
    case volumeRemove = "storage.volume.remove"
    case configUpdate = "config.update"
    case ping

    func isSubscribed(in dialect: Dialect) -> Bool {
        switch self {
        case .activate, .deactivate, .inspect, .pull, .remove, .volumeRemove, .ping: true
        case .forceStop, .imageActivate, .volumeActivate, .configUpdate: dialect == .b
        // Understood, should an old server send them.
        case .imageRemove, .volumeDeactivate: false
        }
    }

    /// The dialect of an event, from what it carries; where it carries nothing of use, from what it is about. Events
    /// that are the same in both are read as dialect A's.
    func dialect(of data: JSON, resourceType: String?) -> Dialect {
        func told(a: String, b: String) -> Dialect {
            if !data[b].isNull { return .b }
            return data[a].isNull && resourceType == b ? .b : .a
        }
        switch self {
        case .activate, .deactivate, .remove: return told(a: "deploymentSyncRequest", b: "instanceHostMap")
        case .volumeRemove: return told(a: "volume", b: "volumeStoragePoolMap")
        case .forceStop, .imageActivate, .imageRemove, .volumeActivate, .volumeDeactivate, .configUpdate: return .b
        case .inspect, .pull, .ping: return .a
        }
    }
}

extension EventKind {
    /// Of what kind an event of this name is; servers before 1.6 leave in it for whom it is, as in
    /// `compute.instance.activate;agent=91`.
    init?(eventName: String) { self.init(rawValue: RancherCodec.plainName(of: eventName)) }
}

extension RancherCodec {
    /// The name of an event without what may follow it after a semicolon.
    package static func plainName(of eventName: String) -> String {
        eventName.firstIndex(of: ";").map { String(eventName[..<$0]) } ?? eventName
    }
}
