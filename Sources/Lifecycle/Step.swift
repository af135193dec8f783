package import Model

/// What a machine wants done next. There is never more than one for a resource.
package enum Step: Sendable, Hashable {
    /// Work on the engine; its outcome comes back through `ended`.
    case perform(Operation)
    /// Other resources must be as told first; they come back through `requirementMet` or `requirementFailed`.
    case require([Requirement])
    /// Nothing for so long, then `waited`. After fruitless tries it may be less, so that not all try again at once.
    case wait(Duration)
    /// The resource is as it was wanted.
    case settle
    /// It cannot be made so; the text is for the user.
    case fail(String)
}

/// Another resource that has to be in some state first.
package enum Requirement: Sendable, Hashable {
    /// To be active for the instance of the given uuid.
    case volume(VolumeSpecification, holder: String)
    /// Not needed by the instance of the given uuid any more.
    case release(VolumeSpecification, holder: String)
    case image(ImageSpecification)

    package var key: ResourceKey {
        switch self {
        case .volume(let volume, _), .release(let volume, _): ResourceKey(.volume, volume.name)
        case .image(let image): image.key
        }
    }

    var volume: VolumeSpecification? {
        switch self {
        case .volume(let volume, _), .release(let volume, _): volume
        case .image: nil
        }
    }
}

/// How long to wait after work that may be tried again, and how often it is.
package enum Patience {
    /// What follows the given number of fruitless tries, without jitter: 0.25 s, doubled each time, at most 5 s. The
    /// engine is local: nothing is spared by longer pauses, and somebody waits for the answer.
    package static func backOff(afterTries tries: Int) -> Duration {
        .milliseconds(min(5000, 250 << min(max(tries - 1, 0), 5)))
    }

    /// What follows the given number of looks that showed no address: 0.25 s, doubled each time, at most 2 s
    /// (PROTOCOL 9).
    package static func addressPause(afterLooks looks: Int) -> Duration {
        .milliseconds(min(2000, 250 << min(max(looks - 1, 0), 3)))
    }

    /// How often an address is looked for: the pauses between make up the first sum beyond 30 s (PROTOCOL 9). A new wish
    /// waits for none of them.
    package static let addressLooks = 19
    /// Between two tries to remove something that is in use, and between two looks at a container on its way out.
    package static let pause = Duration.seconds(1)
    /// How often a refused removal is tried (PROTOCOL 7.5).
    package static let removals = 3
    /// How often the engine may refuse to show something before that is reported.
    package static let looks = 8
    /// How often a container may be found dead or on its way out before that is reported.
    package static let limboLooks = 15
    /// How often a container name may be taken by a container that is not there when looked at.
    package static let nameConflicts = 15
    /// How often a container may vanish between its creation and its start, a volume or a tag right after its creation.
    package static let vanishings = 3
    /// How often a removal looks for a container that a create without an answer may still leave behind.
    package static let lateLooks = 15
    /// How often a pull whose stream broke is tried.
    package static let pulls = 5
    /// How often a storage plug-in that cannot be reached is called: it may be on its way up again.
    package static let pluginCalls = 5
    /// How often a call of a storage plug-in whose end is unknown is made. Each may have taken its whole time.
    package static let unclearPluginCalls = 2
    /// How often a stop without an answer is tried before the kill.
    package static let stops = 2
    /// How many seconds a container that keeps restarting is given to stop before it is started anew (PROTOCOL 5.1).
    package static let restartingGraceSeconds = 10
}
