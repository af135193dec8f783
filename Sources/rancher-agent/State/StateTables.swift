import ArgumentParser
import Inspection
import LosslessJSON
import Model
import Store

/// Filters of the tables of resources.
struct ResourceFilter: ParsableArguments {
    @Flag(help: "Only what is not yet as it is wanted.")
    var pending = false

    @Option(help: ArgumentHelp("Only what is in this phase, such as running or failed.", valueName: "phase"))
    var phase: String?

    @OptionGroup var rows: RowLimit
    @OptionGroup var options: StateOptions

    func show(_ kind: ResourceKind) throws {
        let listing = try options.location.read { store throws(StoreError) in
            try ResourceListing(of: kind, pending: pending, phase: phase, limit: rows.limit, in: store)
        }
        options.print(listing.json, text: listing.text(now: options.now, style: options.style))
    }
}

/// All instances.
struct StateInstances: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "instances", abstract: "Show the instances.",
        discussion: """
            Examples:
              rancher-agent state instances --pending
              rancher-agent state instances --phase failed --json
            """)

    @OptionGroup var filter: ResourceFilter

    func run() throws { try filter.show(.instance) }
}

/// All volumes.
struct StateVolumes: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "volumes", abstract: "Show the volumes.",
        discussion: """
            Examples:
              rancher-agent state volumes
              rancher-agent state volumes --phase removing
            """)

    @OptionGroup var filter: ResourceFilter

    func run() throws { try filter.show(.volume) }
}

/// All images.
struct StateImages: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "images", abstract: "Show the images that the agent was to pull, build or remove.",
        discussion: """
            Examples:
              rancher-agent state images --pending
              rancher-agent state images --phase pulling
            """)

    @OptionGroup var filter: ResourceFilter

    func run() throws { try filter.show(.image) }
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
        let found = try options.location.read { store throws(StoreError) -> Result<EventListing, NoOneResource> in
            var key: ResourceKey?
            if let about {
                let hits = ResourceQuery.find(about, in: try store.allResources())
                guard hits.count == 1 else { return .failure(NoOneResource(name: about, rows: hits)) }
                key = hits[0].key
            }
            return .success(try EventListing(in: states, about: key, limit: rows.limit, of: store))
        }
        let listing = try found.get()
        options.print(listing.json, text: listing.text(now: options.now, style: options.style))
    }
}

extension EventRow.State: ExpressibleByArgument {}

/// A name by which not exactly one resource is found.
struct NoOneResource: Error, CustomStringConvertible {
    let name: String
    let rows: [ResourceRow]

    var description: String {
        rows.isEmpty
            ? "Nothing is known of '\(name)'. See 'rancher-agent state' for all that is known."
            : "'\(name)' may be each of \(rows.map(\.key.description).joined(separator: ", ")). Give more letters."
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
        options.print(listing.json, text: listing.text(now: options.now, style: options.style))
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
        options.print(listing.json, text: listing.text(now: options.now, style: options.style))
    }
}
