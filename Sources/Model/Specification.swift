/// A volume of an instance, kept by the engine, by a storage plug-in, or by nobody.
package struct VolumeSpecification: Sendable, Hashable {
    package var name: String
    package var driver: String
    package var driverOptions: [String: String]
    package var isHostPath: Bool
    /// `file:///path` for host paths.
    package var uri: String
    /// How it is found out whether a storage plug-in keeps the volume.
    package var keeping = VolumeKeeping.byAnyPlugin

    package init(
        name: String, driver: String, driverOptions: [String: String] = [:], isHostPath: Bool = false,
        uri: String = "", keeping: VolumeKeeping = .byAnyPlugin
    ) {
        self.name = name
        self.driver = driver
        self.driverOptions = driverOptions
        self.isHostPath = isHostPath
        self.uri = uri
        self.keeping = keeping
    }

    /// Whether a driver knows the volume by name; anything else is a directory that nobody creates or removes here.
    package var isManaged: Bool { !driver.isEmpty && !name.isEmpty }

    /// Where the engine keeps a volume of these drivers, their plug-in has to attach it before each start
    /// (PROTOCOL 7.3).
    package var isAttachedBeforeStart: Bool { keeping == .byRancherPlugin && VolumeKeeping.isRancherDriver(driver) }
}

extension VolumeSpecification: Recorded {
    package init() { self.init(name: "", driver: "") }

    package mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.member("name", &name)
        try record.member("driver", &driver)
        try record.member("driverOptions", &driverOptions)
        try record.member("isHostPath", &isHostPath)
        try record.member("uri", &uri)
        try record.member("keeping", &keeping, unless: .byAnyPlugin)
    }
}

/// How it is found out whether a storage plug-in keeps a volume, or the engine (PROTOCOL 7.4).
package enum VolumeKeeping: String, Sendable, Hashable, Recordable {
    /// A plug-in for the driver is here: it does.
    case byAnyPlugin
    /// Only drivers of Rancher's own have plug-ins; these must be here, and are asked.
    case byRancherPlugin

    /// The drivers whose plug-ins Rancher brings along (PROTOCOL 7.2).
    package static func isRancherDriver(_ driver: String) -> Bool {
        ["rancher-ebs", "rancher-nfs", "rancher-efs", "rancher-secrets", "secrets-bridge-v2"].contains(driver)
    }
}

/// A user and a password for an image registry. Its text form hides the password.
package struct RegistryCredential: Sendable, Hashable, CustomStringConvertible {
    package var user: String
    package var password: String
    package var email: String
    package var serverAddress: String

    package init(user: String, password: String, email: String = "", serverAddress: String = "") {
        self.user = user
        self.password = password
        self.email = email
        self.serverAddress = serverAddress
    }

    package var description: String { "credential of \(user)" }
}

extension RegistryCredential: Recorded {
    package init() { self.init(user: "", password: "") }

    package mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.member("user", &user)
        try record.member("password", &password)
        try record.member("email", &email)
        try record.member("serverAddress", &serverAddress)
    }
}

/// What the server said about an instance in one event.
package struct InstanceSpecification: Sendable, Hashable {
    /// The identity for ever; empty in requests about surplus copies, which name only a container.
    package var uuid: String
    /// The id under which the server knows the instance, for people to search by.
    package var rancherID: String
    package var name: String
    /// The container that the server knows of; empty if none.
    package var externalID: String
    @Indirect package var container: ContainerSpecification
    /// Volumes to be there before the start.
    package var volumes: [VolumeSpecification]
    package var credential: RegistryCredential?
    /// What the image is made of; `nil` if it is pulled.
    package var build: ImageBuild?
    /// The container is as it should be: change nothing, only report.
    package var noop: Bool
    /// Seconds between the stop signal and the kill.
    package var stopGraceSeconds: Int
    /// A container that the server knows of and that is gone is made anew, instead of reported as deleted.
    package var isMadeAnew: Bool
    /// By what marks its container is recognised.
    package var marks: ContainerMarks

    package init(uuid: String, name: String = "", externalID: String = "") {
        self.uuid = uuid
        rancherID = ""
        self.name = name
        self.externalID = externalID
        _container = Indirect(wrappedValue: ContainerSpecification())
        volumes = []
        noop = false
        stopGraceSeconds = InstanceSpecification.defaultStopGraceSeconds
        isMadeAnew = false
        marks = .own
    }

    /// What a stop waits when the server says nothing about it.
    package static let defaultStopGraceSeconds = 10

    /// The label that asks for a pull before every create.
    package var alwaysPull: Bool { container.labels["io.rancher.container.pull_image"] == "always" }

    /// The label that keeps the volumes without a name when the container is removed.
    package var keepsVolumes: Bool { VolumeCleanup.keepsVolumes(container.labels[VolumeCleanup.label]) }

    /// The name of the container, always the same for the same instance.
    package var containerName: String { ContainerName.of(uuid: uuid, name: name) }

    /// The record that stands for the instance. A surplus copy is known by its container only and has a record of its
    /// own, so that its removal can never touch the instance that it copies.
    package var key: ResourceKey { ResourceKey(.instance, uuid.isEmpty ? "container-\(externalID)" : uuid) }
}

extension InstanceSpecification: Recorded {
    package init() { self.init(uuid: "") }

    package mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.required("uuid", &uuid)
        try record.member("rancherID", &rancherID)
        try record.member("name", &name)
        try record.member("externalID", &externalID)
        try record.member("container", &container)
        try record.member("volumes", &volumes)
        try record.member("credential", &credential)
        try record.member("build", &build)
        try record.member("noop", &noop)
        try record.member("stopGraceSeconds", &stopGraceSeconds, unless: Self.defaultStopGraceSeconds)
        try record.member("isMadeAnew", &isMadeAnew)
        try record.member("marks", &marks, unless: .own)
    }
}

/// What is wanted of an image.
package struct ImageSpecification: Sendable, Hashable {
    /// As the server wrote it, with the registry in front if it gave one.
    package var reference: String
    /// Text appended to the reference for a temporary tag; empty for none.
    package var temporaryTag: String
    package var credential: RegistryCredential?
    /// Ask the registry even if the image is here.
    package var alwaysPull: Bool
    /// What it is made of if it is not here; `nil` if it is pulled.
    package var build: ImageBuild?

    package init(
        reference: String, temporaryTag: String = "", credential: RegistryCredential? = nil, alwaysPull: Bool = false,
        build: ImageBuild? = nil
    ) {
        self.reference = reference
        self.temporaryTag = temporaryTag
        self.credential = credential
        self.alwaysPull = alwaysPull
        self.build = build
    }

    /// The name under which the image is in the end to be found.
    package var taggedReference: String { reference + temporaryTag }

    /// The record that stands for the image. Who pulls with another user does not share a pull: one may be refused
    /// what the other is given. One that is built shares it with nobody.
    package var key: ResourceKey {
        if let build { return ResourceKey(.image, "\(taggedReference) built from \(build.place)") }
        return ResourceKey(.image, credential.map { "\(taggedReference) as \($0.user)" } ?? taggedReference)
    }
}

/// How the engine makes an image (PROTOCOL 5.10).
package struct ImageBuild: Sendable, Hashable {
    /// Where the engine fetches what it builds from: the URL of a Git repository, or of an archive.
    package var remote: String
    /// The name for the image.
    package var tag: String

    package init(remote: String, tag: String) {
        self.remote = remote
        self.tag = tag
    }

    /// The URL without what stands before an `@` in it: it may be a password.
    package var place: String {
        guard let scheme = remote.firstRange(of: "://"), let at = remote.lastIndex(of: "@"), at >= scheme.upperBound
        else { return remote }
        return String(remote[..<scheme.upperBound]) + remote[remote.index(after: at)...]
    }
}

extension ImageBuild: Recorded {
    package init() { self.init(remote: "", tag: "") }

    package mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.member("remote", &remote)
        try record.member("tag", &tag)
    }
}

extension ImageSpecification: Recorded {
    package init() { self.init(reference: "") }

    package mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.member("reference", &reference)
        try record.member("temporaryTag", &temporaryTag)
        try record.member("credential", &credential)
        try record.member("alwaysPull", &alwaysPull)
        try record.member("build", &build)
    }
}
