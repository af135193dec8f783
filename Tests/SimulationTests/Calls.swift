import Model

@testable import Reconciler

/// One piece of work that left the agent for the engine.
struct Call {
    /// What the engine makes of it.
    enum Fate: Hashable {
        case honest
        /// Answered with the fault; see `SimulatedEngine.Fault`.
        case unavailable, refused400, conflict409, notFound404, failedBefore500, failedAfter500
        /// Nobody knows: it never came there, or its answer never came back.
        case requestLost, answerLost
        /// Never answered; the shell gives up after the deadline.
        case hangsUndone, hangsAndDoes, doesAfterTheDeadline

        var occurrence: Occurrence? {
            switch self {
            case .honest: nil
            case .unavailable: .unavailable
            case .refused400: .refused400
            case .conflict409: .conflict409
            case .notFound404: .notFound404
            case .failedBefore500: .failedBefore500
            case .failedAfter500: .failedAfter500
            case .requestLost: .requestLost
            case .answerLost: .answerLost
            case .hangsUndone: .hangsUndone
            case .hangsAndDoes: .hangsAndDoes
            case .doesAfterTheDeadline: .doesAfterTheDeadline
            }
        }

        static let faults: [Fate] = [
            .unavailable, .refused400, .conflict409, .notFound404, .failedBefore500, .failedAfter500, .requestLost,
            .answerLost, .answerLost, .hangsUndone, .hangsAndDoes, .doesAfterTheDeadline,
        ]
    }

    let number: Int
    let work: WorkID
    let life: Int
    let operation: Operation
    let about: String
    let fate: Fate
    /// The engine has done it, or never will.
    var isDone = false
    /// What the agent will be told, or was.
    var outcome: OperationOutcome?
    /// The agent has been told, or nobody is there to be told any more.
    var isOver = false
}

/// What the observer of the engine sees.
enum Sight {
    case list([ContainerSummary], sightsBefore: Int)
    case changed(ContainerSummary)
    case gone(String)
}

extension Operation {
    /// The container, as far as it is about one that is there.
    var containerID: String? {
        switch self {
        case .startContainer(let id), .stopContainer(let id, _), .killContainer(let id), .removeContainer(let id, _),
            .detectAddress(let id):
            id
        default: nil
        }
    }

    var volumeName: String? {
        switch self {
        case .inspectVolume(let volume), .callPlugin(_, let volume), .createVolume(let volume): volume.name
        case .removeVolume(let name, _): name
        default: nil
        }
    }

    var isAboutImage: Bool {
        switch self {
        case .inspectImage, .pullImage, .tagImage, .removeImage, .buildImage: true
        default: false
        }
    }

    /// What to call it in a history.
    var title: String {
        switch self {
        case .findContainer(let identity): "find \(identity.ids) \(identity.uuid)"
        case .createContainer(let instance, _): "create \(instance.uuid)"
        case .startContainer(let id): "start \(id)"
        case .stopContainer(let id, _): "stop \(id)"
        case .killContainer(let id): "kill \(id)"
        case .removeContainer(let id, _): "remove \(id)"
        case .detectAddress(let id): "detect address of \(id)"
        case .inspectVolume(let volume): "inspect volume \(volume.name)"
        case .callPlugin(let call, let volume): "plug-in \(call.rawValue) \(volume.name)"
        case .createVolume(let volume): "create volume \(volume.name)"
        case .removeVolume(let name, _): "remove volume \(name)"
        case .inspectImage(let reference): "inspect image \(reference)"
        case .pullImage(let reference, _): "pull \(reference)"
        case .tagImage(_, let tagged): "tag \(tagged)"
        case .removeImage(let reference): "remove image \(reference)"
        case .inspectContainer(let id, let name): "inspect \(id) \(name)"
        case .buildImage(let build): "build \(build.tag)"
        case .updateConfiguration(let items): "update the configuration \(items)"
        }
    }
}

extension OperationOutcome {
    var title: String {
        switch self {
        case .container(let container): "container \(container.map { "\($0.id) \($0.state)" } ?? "none")"
        case .created(let id): "created \(id)"
        case .nameTaken(let owner): "name taken by \(owner?.id ?? "nobody")"
        case .address(let address, _): "address \(address)"
        case .image(let image): image == nil ? "no image" : "image"
        case .refused(let refusal): "refused: \(refusal.message)"
        case .unavailable(let text): "unavailable: \(text)"
        case .unknown(let text): "unknown: \(text)"
        case .volume(let volume): volume == nil ? "no volume" : "volume"
        default: "\(self)"
        }
    }
}
