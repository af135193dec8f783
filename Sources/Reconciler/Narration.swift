internal import Lifecycle
internal import Model

/// The words in which the agent tells operators and users what it does.
enum Narration {
    /// What is being done or waited for, for `state show` and for keep-alive messages.
    static func activity(_ step: Step) -> String {
        switch step {
        case .perform(let operation): name(operation)
        case .require(let requirements):
            "Waiting for " + requirements.map(\.key.description).joined(separator: ", ")
        case .wait: "Waiting to try again"
        case .settle, .fail: ""
        }
    }

    static func cause(_ step: Step) -> String {
        switch step {
        case .perform(let operation): name(operation)
        case .require(let requirements): "needs " + requirements.map(\.key.description).joined(separator: ", ")
        case .wait: "waits"
        case .settle: "as wanted"
        case .fail(let reason): reason
        }
    }

    static func cause(_ outcome: OperationOutcome) -> String {
        switch outcome {
        case .container(let container?): "container is \(container.state.rawValue)"
        case .container(nil): "no container"
        case .created(let id): "container \(id.prefix(12)) created"
        case .nameTaken: "container name is taken"
        case .imageMissing(let text): text
        case .address("", let container?): "no address, container is \(container.state.rawValue)"
        case .address("", nil): "no container"
        case .address(let address, _): "address \(address)"
        case .keptByPlugin: "kept by a storage plug-in"
        case .noPlugin: "no storage plug-in"
        case .pluginDone(""): "done by the storage plug-in"
        case .pluginDone(let mountpoint): "mounted at \(mountpoint)"
        case .volume, .image: "looked at"
        case .removed: "removed"
        case .configurationUpdated(let exitCode, _): "ended with \(exitCode)"
        case .refused(let refusal): refusal.message
        case .unavailable(let text), .unknown(let text): text
        }
    }

    /// What the server shows its user at once (PROTOCOL 5.1, 5.12).
    static func progress(_ operation: Operation) -> String? {
        switch operation {
        case .createVolume(let volume): "Creating volume \(volume.name)"
        case .removeVolume, .callPlugin(.remove, _): "Removing volume"
        case .callPlugin(.create, let volume): "Creating volume \(volume.name)"
        case .callPlugin(.attach, let volume): "Attaching volume \(volume.name)"
        case .callPlugin(.mount, let volume): "Mounting volume \(volume.name)"
        case .callPlugin(.unmount, _), .detectAddress, .findContainer, .createContainer, .startContainer,
            .stopContainer, .killContainer, .removeContainer,
            .inspectVolume, .inspectImage, .pullImage, .tagImage, .removeImage, .buildImage, .inspectContainer,
            .updateConfiguration:
            nil
        }
    }

    static func name(_ operation: Operation) -> String {
        switch operation {
        case .findContainer, .inspectContainer: "Looking at the container"
        case .createContainer: "Creating the container"
        case .startContainer: "Starting the container"
        case .stopContainer(_, let seconds): "Stopping the container, within \(seconds) s"
        case .killContainer: "Killing the container"
        case .removeContainer: "Removing the container"
        case .detectAddress: "Detecting Primary IP address"
        case .inspectVolume(let volume): "Looking at volume \(volume.name)"
        case .callPlugin(let call, let volume): "\(gerund(call)) volume \(volume.name)"
        case .createVolume(let volume): "Creating volume \(volume.name)"
        case .removeVolume(let name, _): "Removing volume \(name)"
        case .inspectImage(let reference): "Looking at image \(reference)"
        case .pullImage(let reference, _): "Pulling image \(reference)"
        case .tagImage(_, let tagged): "Tagging image \(tagged)"
        case .removeImage(let reference): "Removing image \(reference)"
        case .buildImage(let build): "Building image \(build.tag)"
        case .updateConfiguration: "Updating the configuration"
        }
    }

    private static func gerund(_ call: PluginCall) -> String {
        switch call {
        case .create: "Creating"
        case .attach: "Attaching"
        case .mount: "Mounting"
        case .unmount: "Unmounting"
        case .remove: "Removing"
        }
    }
}
