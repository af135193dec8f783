import ArgumentParser
import Inspection
import LosslessJSON
import Model
import Store

/// Filters of the tables of resources.
struct ResourceFilter: ParsableArguments {
    @Flag(help: "Only what is not yet as it is wanted.")
    var pending = false

    @Option(
        help: ArgumentHelp("Only what is in this phase, such as running or failed.", valueName: "phase"),
        completion: .list(Set(ResourceKind.allCases.flatMap(\.phases)).sorted()))
    var phase: String?

    @OptionGroup var rows: RowLimit
    @OptionGroup var options: StateOptions
}

/// A command that shows the resources of one kind.
protocol ResourceTable: ParsableCommand {
    static var kind: ResourceKind { get }
    var filter: ResourceFilter { get }
}

extension ResourceTable {
    func validate() throws {
        guard let phase = filter.phase, !Self.kind.phases.contains(phase) else { return }
        throw ValidationError(
            "'\(phase.onOneLine)' is no phase of \(Self.kind.plural). They are "
                + Self.kind.phases.joined(separator: ", ") + ".")
    }

    func run() throws {
        let listing = try filter.options.location.read { store throws(StoreError) in
            try ResourceListing(
                of: Self.kind, pending: filter.pending, phase: filter.phase, limit: filter.rows.limit, in: store)
        }
        try filter.options.show(listing)
    }
}

/// All instances.
struct StateInstances: ResourceTable {
    static let kind = ResourceKind.instance
    static let configuration = CommandConfiguration(
        commandName: "instances", abstract: "Show the instances.",
        discussion: """
            Examples:
              rancher-agent state instances --pending
              rancher-agent state instances --phase failed --json
            """)

    @OptionGroup var filter: ResourceFilter
}

/// All volumes.
struct StateVolumes: ResourceTable {
    static let kind = ResourceKind.volume
    static let configuration = CommandConfiguration(
        commandName: "volumes", abstract: "Show the volumes.",
        discussion: """
            Examples:
              rancher-agent state volumes
              rancher-agent state volumes --phase removing
            """)

    @OptionGroup var filter: ResourceFilter
}

/// All images.
struct StateImages: ResourceTable {
    static let kind = ResourceKind.image
    static let configuration = CommandConfiguration(
        commandName: "images", abstract: "Show the images that the agent was to pull, build or remove.",
        discussion: """
            Examples:
              rancher-agent state images --pending
              rancher-agent state images --phase pulling
            """)

    @OptionGroup var filter: ResourceFilter
}

/// The events of the server.
struct StateEvents: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Show the events that the server has sent, newest first.",
        discussion: """
            Examples:
              rancher-agent state events --open            what has no answer yet
              rancher-agent state events --about web       what was asked of the instance web
              rancher-agent state events --limit 1000 --json
            """)

    @Flag(help: "Only those that are being worked on.")
    var open = false

    @Option(
        help: ArgumentHelp(
            "Only those in this state: open, answered (the answer is on its way), closed. May be repeated.",
            valueName: "state"),
        completion: .list(EventRow.State.allCases.map(\.rawValue)))
    var state: [EventRow.State] = []

    @Option(help: ArgumentHelp("Only those about this resource.", valueName: "id"), completion: .resource)
    var about: String?

    @OptionGroup var rows: RowLimit
    @OptionGroup var options: StateOptions

    func run() throws {
        var states = Set(state)
        if open { states.insert(.open) }
        if states.isEmpty { states = Set(EventRow.State.allCases) }
        let match = try options.location.read { store throws(StoreError) -> ResourceMatch<EventListing> in
            guard let about else { return .found(try EventListing(in: states, limit: rows.limit, of: store)) }
            return try ResourceQuery.run(about, in: store) { row, _ throws(StoreError) in
                try EventListing(in: states, about: row.key, limit: rows.limit, of: store)
            }
        }
        try options.show(try match.one(about ?? "", options.style))
    }
}

extension EventRow.State: ExpressibleByArgument {}

extension StateOptions {
    /// Prints a table of the store.
    fileprivate func show(_ listing: some Listing) throws {
        try print(listing.json, text: listing.text(now: now, style: style))
    }
}

/// The answers.
struct StateReplies: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replies", abstract: "Show the answers to events, newest first.",
        discussion: """
            Examples:
              rancher-agent state replies --undelivered    what the server has not taken yet
              rancher-agent state replies --failures
            """)

    @Flag(help: "Only those that the server has not taken yet.")
    var undelivered = false

    @Flag(help: "Only those that say that something could not be done.")
    var failures = false

    @OptionGroup var rows: RowLimit
    @OptionGroup var options: StateOptions

    func run() throws {
        let listing = try options.location.read { store throws(StoreError) in
            try ReplyListing(undelivered: undelivered, failures: failures, limit: rows.limit, of: store)
        }
        try options.show(listing)
    }
}

/// What could not be read.
struct StateQuarantine: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quarantine", abstract: "Show what could not be read, and why; newest first.",
        discussion: """
            Examples:
              rancher-agent state quarantine
              rancher-agent state why frame:12     one of them
            """)

    @OptionGroup var rows: RowLimit
    @OptionGroup var options: StateOptions

    func run() throws {
        let listing = try options.location.read { store throws(StoreError) in
            try QuarantineListing(limit: rows.limit, of: store)
        }
        try options.show(listing)
    }
}
