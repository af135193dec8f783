package import LosslessJSON

/// One piece of work, on the engine in most cases: a single call, or a call and the look at its result.
///
/// Every one may be repeated: what is done already counts as done.
package enum Operation: Sendable, Hashable {
    case findContainer(ContainerIdentity)
    /// The mount points are those of the volumes that storage plug-ins have mounted, by name.
    case createContainer(InstanceSpecification, mountpoints: [String: String])
    /// Start, then inspect.
    case startContainer(id: String)
    /// Stop, then inspect.
    case stopContainer(id: String, graceSeconds: Int)
    /// Kill, then inspect.
    case killContainer(id: String)
    /// The volumes without a name that were made for it stay or go.
    case removeContainer(id: String, keepsVolumes: Bool)
    /// Look once for the address of a container that a CNI plug-in connects, then inspect.
    case detectAddress(id: String)
    /// Find out who keeps the volume, and what the engine knows of it if nobody else does.
    case inspectVolume(VolumeSpecification)
    case callPlugin(PluginCall, VolumeSpecification)
    case createVolume(VolumeSpecification)
    case removeVolume(name: String, force: Bool)
    case inspectImage(reference: String)
    /// Pull, then inspect.
    case pullImage(reference: String, credential: RegistryCredential?)
    /// Tag, then inspect under the new name.
    case tagImage(reference: String, tagged: String)
    case removeImage(reference: String)
    /// Build, then inspect.
    case buildImage(ImageBuild)
    /// For a report only.
    case inspectContainer(id: String, name: String)
    /// Run the program that brings this host's configuration up to date.
    case updateConfiguration(items: [String])
}

/// What is asked of a storage plug-in (PROTOCOL 7.4).
package enum PluginCall: String, Sendable, Hashable, Recordable, CaseIterable {
    case create
    case attach
    case mount
    case unmount
    case remove
}

/// How a piece of work on the engine ended.
package enum OperationOutcome: Sendable, Hashable {
    /// The container as it is now; `nil` means that the engine said there is none.
    case container(InspectedContainer?)
    /// Created under this id.
    case created(id: String)
    /// The name is in use, by this container; `nil` if it was gone (or not there yet) when looked at.
    case nameTaken(by: InspectedContainer?)
    /// The image is not on this host; the text is the engine's.
    case imageMissing(String)
    /// The container's address, empty if it has none yet or does not run, and the container as it is now.
    case address(String, InspectedContainer?)
    /// What the engine knows of a volume that no storage plug-in keeps.
    case volume(InspectedVolume?)
    /// A storage plug-in keeps the volume.
    case keptByPlugin
    /// The plug-in has done it; the path is that of the mounted volume, empty after other calls.
    case pluginDone(mountpoint: String)
    /// There is no storage plug-in for the volume's driver.
    case noPlugin
    case image(JSON?)
    case removed
    /// The program has ended by itself, or could not be run or had to be ended, which is -1; with what it has written.
    case configurationUpdated(exitCode: Int, output: String)
    /// Whoever was asked said no: the engine, a storage plug-in, a network plug-in.
    case refused(Refusal)
    /// The engine could not be reached: it certainly did not happen.
    case unavailable(String)
    /// Nobody knows whether it happened: connection lost, no answer in time, an unreadable answer.
    case unknown(String)
}

/// Why the engine said no.
package struct Refusal: Sendable, Hashable {
    /// One line for the user.
    package let message: String
    /// Of HTTP; `nil` where no status came, as for an error inside a pull's stream.
    package let status: Int?

    package init(message: String, status: Int? = nil) {
        self.message = message
        self.status = status
    }

    /// The engine has failed, or has found something in its way: what it was asked for may be there all the same.
    package var isInconclusive: Bool { status.map { $0 == 409 || $0 >= 500 } ?? false }
}
