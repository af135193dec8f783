internal import DockerEngine
internal import Model
internal import RancherAPI

/// The names of events as labels: an unknown one, which may be anything, is not shown.
enum EventLabel {
    private static let known = Set(RancherCodec.eventNames(for: nil))

    static func of(_ name: String) -> String {
        let name = RancherCodec.plainName(of: name)
        return known.contains(name) ? name : "other"
    }
}

extension EngineError.Kind {
    /// One word, without what is different every time.
    var label: String {
        switch self {
        case .unreachable: "unreachable"
        case .cut: "cut"
        case .timedOut: "timeout"
        case .refused(let status): String(status)
        case .failedInStream: "stream"
        case .badAnswer: "unreadable"
        case .cancelled: "cancelled"
        case .configuration: "configuration"
        }
    }
}

extension Operation {
    /// What is done, in few words that are always the same.
    var label: String {
        switch self {
        case .findContainer: "find container"
        case .createContainer: "create container"
        case .startContainer: "start container"
        case .stopContainer: "stop container"
        case .killContainer: "kill container"
        case .removeContainer: "remove container"
        case .detectAddress: "detect address"
        case .inspectVolume: "inspect volume"
        case .callPlugin(let call, _): "plugin \(call.rawValue)"
        case .createVolume: "create volume"
        case .removeVolume: "remove volume"
        case .inspectImage: "inspect image"
        case .pullImage: "pull image"
        case .tagImage: "tag image"
        case .removeImage: "remove image"
        case .buildImage: "build image"
        case .inspectContainer: "inspect container"
        case .updateConfiguration: "update configuration"
        }
    }
}
