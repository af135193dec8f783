import LosslessJSON
import Model

/// A wire of its own: the reconciler must not care how it looks.
struct TestCodec: EventCodec {
    struct Frame: Recorded {
        var id = ""
        var name = ""
        var replyTo: String?
        var wish = Wish.unusable("")

        mutating func exchange(with record: inout Record) throws(RecordError) {
            try record.required("id", &id)
            try record.required("name", &name)
            try record.member("replyTo", &replyTo)
            try record.required("wish", &wish)
        }
    }

    enum Wish {
        case activate(InstanceSpecification)
        case deactivate(InstanceSpecification)
        case remove(InstanceSpecification)
        case inspect(String)
        case removeVolume(VolumeSpecification)
        case pull(ImageSpecification)
        case release(ImageSpecification)
        case inspectImage(ImageSpecification)
        case createVolume(VolumeSpecification)
        case configure([String])
        case acknowledge
        case unusable(String)
    }

    func decode(frame: String) throws -> IncomingEvent {
        let wire = try Frame(recordedText: frame)
        let request: Request =
            switch wire.wish {
            case .activate(let instance): .activateInstance(instance)
            case .deactivate(let instance): .deactivateInstance(instance)
            case .remove(let instance): .removeInstance(instance)
            case .inspect(let id): .inspectInstance(id: id, name: "")
            case .removeVolume(let volume): .removeVolume(volume)
            case .pull(let image): .pullImage(image)
            case .release(let image): .releaseImage(image)
            case .inspectImage(let image): .inspectImage(image)
            case .createVolume(let volume): .createVolume(volume)
            case .configure(let items): .updateConfiguration(items: items)
            case .acknowledge: .acknowledge
            case .unusable(let reason): .unusable(reason: reason)
            }
        let header = EventHeader(
            id: wire.id, name: wire.name, replyTo: wire.replyTo, resourceID: nil, resourceType: nil)
        return IncomingEvent(header: header, request: request, frame: frame)
    }

    func reply(to event: EventHeader, _ answer: Answer, messageID: String, at time: Timestamp) -> String {
        "\(Self.text(answer, to: event))|\(event.id)|\(messageID)|\(time.milliseconds)"
    }

    func progress(of event: EventHeader, text: String) -> String { text }

    /// The part of a reply that does not depend on chance or time.
    static func content(_ body: String) -> String { String(body.prefix { $0 != "|" }) }

    private static func text(_ answer: Answer, to event: EventHeader) -> String {
        // What is gone has no state to tell of.
        if case .instance = answer, event.name == "remove" { return "done" }
        return text(answer)
    }

    static func text(_ answer: Answer) -> String {
        switch answer {
        case .instance(let uuid, let inspection, let address, _, _):
            "instance \(uuid) \(inspection?["State"]["Status"].text ?? "gone")"
                + (address.isEmpty ? "" : " at \(address)")
        case .inspection(let inspection): "inspection \(inspection?["Id"].text ?? "none")"
        case .image(let image): "image \(image?["Id"].text ?? "none")"
        case .done: "done"
        case .failure(let reason): "failure: \(reason)"
        case .configurationFailed(let exitCode, let output): "exit code \(exitCode): \(output)"
        }
    }
}

extension TestCodec.Wish: Recordable {
    var saysNothing: Bool { false }

    var recorded: JSON {
        let (name, content): (String, JSON) =
            switch self {
            case .activate(let instance): ("activate", instance.recorded)
            case .deactivate(let instance): ("deactivate", instance.recorded)
            case .remove(let instance): ("remove", instance.recorded)
            case .inspect(let id): ("inspect", id.recorded)
            case .removeVolume(let volume): ("volume.remove", volume.recorded)
            case .pull(let image): ("pull", image.recorded)
            case .release(let image): ("release", image.recorded)
            case .inspectImage(let image): ("image.inspect", image.recorded)
            case .createVolume(let volume): ("volume.create", volume.recorded)
            case .configure(let items): ("configure", items.recorded)
            case .acknowledge: ("acknowledge", .null)
            case .unusable(let reason): ("strange", reason.recorded)
            }
        return .object(JSONObject([.init(key: name, value: content)]))
    }

    init(recorded: JSON) throws(RecordError) {
        let (name, content) = try recorded.alternative
        switch name {
        case "activate": self = .activate(try InstanceSpecification(recorded: content))
        case "deactivate": self = .deactivate(try InstanceSpecification(recorded: content))
        case "remove": self = .remove(try InstanceSpecification(recorded: content))
        case "inspect": self = .inspect(try String(recorded: content))
        case "volume.remove": self = .removeVolume(try VolumeSpecification(recorded: content))
        case "pull": self = .pull(try ImageSpecification(recorded: content))
        case "release": self = .release(try ImageSpecification(recorded: content))
        case "image.inspect": self = .inspectImage(try ImageSpecification(recorded: content))
        case "volume.create": self = .createVolume(try VolumeSpecification(recorded: content))
        case "configure": self = .configure(try [String](recorded: content))
        case "acknowledge": self = .acknowledge
        default: self = .unusable(try String(recorded: content))
        }
    }
}

func event(_ id: String, _ wish: TestCodec.Wish, replyTo: String? = "reply.1") -> IncomingEvent {
    let name: String =
        switch wish {
        case .activate: "activate"
        case .deactivate: "deactivate"
        case .remove: "remove"
        case .inspect, .inspectImage: "inspect"
        case .removeVolume: "volume.remove"
        case .pull: "pull"
        case .release: "release"
        case .createVolume: "volume.create"
        case .configure: "configure"
        case .acknowledge: "acknowledge"
        case .unusable: "strange"
        }
    let frame = TestCodec.Frame(id: id, name: name, replyTo: replyTo, wish: wish)
    do {
        return try TestCodec().decode(frame: frame.recordedText)
    } catch {
        preconditionFailure("a frame made here is readable: \(error)")
    }
}

func instance(_ uuid: String = "u-1", volumes: [String] = []) -> InstanceSpecification {
    var specification = InstanceSpecification(uuid: uuid, name: "web-\(uuid)")
    specification.container.image = "nginx"
    specification.volumes = volumes.map { VolumeSpecification(name: $0, driver: "local") }
    return specification
}
