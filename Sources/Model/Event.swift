package import LosslessJSON

/// What of an event is needed to answer it, whatever it asked for (PROTOCOL 3.3, 4).
package struct EventHeader: Sendable, Hashable {
    package let id: String
    package let name: String
    /// The address of the answer; `nil` when none is wanted.
    package let replyTo: String?
    package let resourceID: String?
    package let resourceType: String?
    /// In whose words the event came, and has to be answered.
    package let dialect: Dialect

    package init(
        id: String, name: String, replyTo: String?, resourceID: String?, resourceType: String?, dialect: Dialect = .a
    ) {
        self.id = id
        self.name = name
        self.replyTo = replyTo
        self.resourceID = resourceID
        self.resourceType = resourceType
        self.dialect = dialect
    }
}

/// What an event asks for, in the words of this program: no dialect of the wire is left in it.
package enum Request: Sendable, Hashable {
    case activateInstance(InstanceSpecification)
    case deactivateInstance(InstanceSpecification)
    case removeInstance(InstanceSpecification)
    /// Report one container, found by id or else by name.
    case inspectInstance(id: String, name: String)
    /// Have the volume there; it is mounted for the instances that need it, when they do.
    case createVolume(VolumeSpecification)
    case removeVolume(VolumeSpecification)
    /// Have the image there: by a pull, or by a build where the specification says so.
    case pullImage(ImageSpecification)
    /// The second phase of a pull: take the temporary tag off again.
    case releaseImage(ImageSpecification)
    /// Report an image without pulling it.
    case inspectImage(ImageSpecification)
    case ping(PingOptions)
    /// Run the program that brings this host's configuration up to date, for the items of these names.
    case updateConfiguration(items: [String])
    /// There is nothing to do but to answer.
    case acknowledge
    /// Nothing can be done with the event; the text says why, for the server and for the log.
    case unusable(reason: String)
}

/// What a ping wants to know (PROTOCOL 10.1).
package struct PingOptions: Sendable, Hashable {
    package var resources: Bool
    package var stats: Bool
    package var instances: Bool

    package init(resources: Bool = false, stats: Bool = false, instances: Bool = false) {
        self.resources = resources
        self.stats = stats
        self.instances = instances
    }
}

/// One message of the server, understood.
package struct IncomingEvent: Sendable, Hashable {
    package let header: EventHeader
    package let request: Request
    /// The frame as it came, kept so that it can be read again.
    package let frame: String

    package init(header: EventHeader, request: Request, frame: String) {
        self.header = header
        self.request = request
        self.frame = frame
    }
}

/// The end of an event, before it is put into the words of a dialect.
package enum Answer: Sendable, Hashable {
    /// The state of an instance after activate, deactivate or remove; no inspection when there is no container. The
    /// address is empty unless it had to be looked for. The external id is that of the request. What the image exposes is
    /// told where the inspection does not tell it.
    case instance(
        uuid: String, inspection: JSON?, address: String, externalID: String = "", imagePorts: [String]? = nil)
    /// A container or an image as the engine shows it; `nil` when there is none.
    case inspection(JSON?)
    case image(JSON?)
    /// Done, and nothing to report.
    case done
    /// The text goes to the user who asked.
    case failure(String)
    /// The program for this host's configuration did not succeed; -1 if it did not even end by itself.
    case configurationFailed(exitCode: Int, output: String)

    package var isFailure: Bool { failureText != nil }

    /// What the user reads if it is a failure.
    package var failureText: String? {
        switch self {
        case .failure(let text): text
        case .configurationFailed(let exitCode, _): "config update failed with exit code \(exitCode)"
        case .instance, .inspection, .image, .done: nil
        }
    }
}

/// Turns frames into events and answers into messages. The core is given one and so never learns how the wire looks.
///
/// Both directions are pure: the same arguments give the same bytes.
package protocol EventCodec: Sendable {
    /// Reads a frame that was accepted before.
    ///
    /// - Throws: if the frame carries no event that could be answered.
    func decode(frame: String) throws -> IncomingEvent

    /// The body of the one final answer (PROTOCOL 4.2, 4.3).
    func reply(to event: EventHeader, _ answer: Answer, messageID: String, at time: Timestamp) -> String

    /// The body of a progress message (PROTOCOL 4.4).
    func progress(of event: EventHeader, text: String) -> String
}
