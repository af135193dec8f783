import Foundation
import Lifecycle
import LosslessJSON
import Model
import Store

@testable import Inspection

/// A state directory that lives as long as the value.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "inspection-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var location: StateLocation { StateLocation(option: path, environment: [:]) }

    var files: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }

    /// A store as the daemon has it open.
    func openStore() throws -> Store { try Store.open(path: location.databasePath) }
}

enum Fixture {
    static let now = Timestamp(milliseconds: 1_790_000_000_123)

    static let webID = "0123abcd-1111-4222-8333-444455556666"
    static let dbID = "0123ffff-1111-4222-8333-444455556666"
    static let web = ResourceKey(.instance, webID)
    static let db = ResourceKey(.instance, dbID)
    static let data = ResourceKey(.volume, "data")
    static let nginx = ResourceKey(.image, "nginx:latest")

    static let environmentSecret = "hunter2-environment"
    static let passwordSecret = "hunter2-password"
    static let optionSecret = "hunter2-option"
    static let frameSecret = "hunter2-frame"
    static let quarantineSecret = "hunter2-quarantine"
    static let bodySecret = "hunter2-body"
    static let secrets = [
        environmentSecret, passwordSecret, optionSecret, frameSecret, quarantineSecret, bodySecret,
    ]

    static let longError =
        "dial unix /var/run/docker.sock: connect: connection refused while the engine was being upgraded, and some more"

    static var webSpecification: InstanceSpecification {
        var instance = InstanceSpecification(uuid: webID, name: "web")
        instance.rancherID = "1i20"
        instance.container.image = "nginx:latest"
        instance.container.command = ["nginx", "-g", "daemon off;"]
        instance.container.environment = ["PASSWORD": environmentSecret, "MODE": "fast"]
        instance.container.labels = ["io.rancher.stack.name": "shop"]
        instance.container.ports = [PortBinding(privatePort: 80, publicPort: 8080, transport: "tcp", hostAddress: "")]
        instance.container.network = .container(id: "feedbeef")
        instance.container.memory = 1 << 26
        instance.volumes = [
            VolumeSpecification(name: "data", driver: "nfs", driverOptions: ["secret": optionSecret])
        ]
        instance.credential = RegistryCredential(user: "ada", password: passwordSecret)
        return instance
    }

    static func machine(_ machine: ResourceMachine) -> String { text(of: machine) }

    static func text(of value: some Recordable) -> String { value.recorded.encodedText }

    static func row(
        _ key: ResourceKey, name: String, rancherID: String = "", externalID: String = "", desired: String,
        phase: String, generation: Int = 1, settled: Bool = true, attempts: Int = 0, next: Duration? = nil,
        lastError: String = "", activity: String = "", machine: String = "{}", specification: String = ""
    ) -> ResourceRow {
        ResourceRow(
            key: key, name: name, rancherID: rancherID, externalID: externalID, desired: desired, phase: phase,
            generation: generation, settledGeneration: settled ? generation : generation - 1, attempts: attempts,
            nextAttemptAt: next.map { now + $0 }, lastError: lastError, activity: activity, machine: machine,
            specification: specification, createdAt: now - .seconds(600), updatedAt: now - .seconds(30))
    }

    static func event(
        _ id: String, _ name: String, about key: ResourceKey, generation: Int, _ state: EventRow.State, ago: Duration
    ) -> EventRow {
        EventRow(
            header: EventHeader(
                id: id, name: name, replyTo: "reply.\(id)", resourceID: "1i20", resourceType: "instance"),
            key: key.description, generation: generation, frame: "{\"secret\":\"\(frameSecret)\"}", state: state,
            receivedAt: now - ago, closedAt: state == .closed ? now - ago + .seconds(1) : nil)
    }

    /// A host on which a bit of everything is going on.
    static func fill(_ store: Store) throws {
        let volume = VolumeSpecification(name: "data", driver: "nfs", driverOptions: ["secret": optionSecret])
        let image = ImageSpecification(
            reference: "nginx:latest", credential: RegistryCredential(user: "ada", password: passwordSecret))
        try store.transaction {
            try store.put(
                row(
                    web, name: "web", rancherID: "1i20", externalID: String(repeating: "c0ffee", count: 10) + "beef",
                    desired: "running", phase: "preparing", generation: 2, settled: false,
                    activity: "Waiting for image:nginx:latest",
                    machine: machine(.instance(InstanceMachine(webSpecification, desired: .running))),
                    specification: text(of: webSpecification)))
            try store.put(
                row(
                    db, name: "db-of-the-shop-with-a-long-name", rancherID: "1i21", externalID: "deadbeef0123456789",
                    desired: "stopped", phase: "failed", lastError: "no such\ncontainer \u{1B}[31mred"))
            try store.put(
                row(
                    data, name: "data", desired: "active", phase: "active",
                    machine: machine(.volume(VolumeMachine(volume, desired: .active)))))
            try store.put(
                row(
                    nginx, name: "nginx:latest", desired: "present", phase: "pulling", settled: false, attempts: 3,
                    next: .milliseconds(2400), lastError: longError, activity: "Waiting to try again",
                    machine: machine(.image(ImageMachine(image, desired: .present)))))
            try store.insert(
                event("e1", "compute.instance.activate", about: web, generation: 1, .closed, ago: .seconds(500)))
            try store.insertReply(to: "e1", body: bodySecret, isFailure: false, at: now - .seconds(499))
            try store.replyDelivered(to: "e1", at: now - .seconds(499))
            try store.insert(
                event("e2", "compute.instance.activate", about: web, generation: 2, .open, ago: .seconds(40)))
            try store.insert(
                event("e3", "compute.instance.deactivate", about: db, generation: 1, .answered, ago: .seconds(50)))
            try store.insertReply(to: "e3", body: bodySecret, isFailure: true, at: now - .seconds(45))
            try store.replyFailed(to: "e3", attempts: 4, next: now + .seconds(3), error: "HTTP 502")
            let moves: [(ResourceKey, Int, String, String, String, Int)] = [
                (web, 1, "", "requested", "compute.instance.activate", 500),
                (web, 1, "requested", "running", "as wanted", 499),
                (web, 2, "running", "requested", "compute.instance.activate", 40),
                (web, 2, "requested", "preparing", "needs image:nginx:latest", 40),
                (nginx, 1, "", "requested", "needed by \(web)", 40),
                (nginx, 1, "requested", "pulling", "Pulling image nginx:latest", 39),
                (db, 1, "requested", "failed", "no such container", 45),
            ]
            for (key, generation, from, to, cause, ago) in moves {
                try store.insert(
                    TransitionRow(
                        key: key, generation: generation, from: from, to: to, cause: cause, at: now - .seconds(ago)))
            }
            try store.quarantine(
                QuarantineRow(
                    source: "frame", name: "e9", raw: quarantineSecret, error: "unreadable", at: now - .seconds(9)),
                keeping: 10)
        }
    }

    static func filled() throws -> Store {
        let store = try Store.inMemory()
        try fill(store)
        return store
    }

    static func dossier(_ text: String, in store: Store) throws -> Dossier? {
        guard case .found(let dossier) = try ResourceQuery.run(text, in: store) else { return nil }
        return dossier
    }

    /// What `state show` shows.
    static func show(
        _ text: String, in store: Store, now: Timestamp = now, environment: Bool = false,
        style: ReportStyle = ReportStyle()
    ) throws -> (text: String, json: JSON)? {
        guard let dossier = try dossier(text, in: store) else { return nil }
        let quarantine = try store.quarantineEntries(limit: WhyQuery.quarantineLimit)
        let why = try Explanation(of: dossier, quarantine, now: now, in: store)
        return (
            dossier.text(why: why, now: now, showingEnvironment: environment, style: style),
            dossier.json(why: why, showingEnvironment: environment)
        )
    }

    /// What a terminal would obey: an escape sequence, one of a single byte, a bell, and a change of direction.
    static let controls = "\u{1B}[31m\u{9B}2J\u{7}\u{202E}\r\n"

    /// Whatever comes from other hosts has controls in it.
    static func fillWithControls(_ store: Store) throws {
        let key = ResourceKey(.volume, "odd\(controls)key")
        let row = row(
            key, name: "odd\(controls)name", rancherID: "1v\(controls)1", externalID: "odd\(controls)id",
            desired: "active", phase: "creating", settled: false, attempts: 1, next: .seconds(1),
            lastError: "error\(controls)", activity: "Creating\(controls)")
        try store.put(row)
        var other = row
        other.key = ResourceKey(.volume, "odd\(controls)other")
        try store.put(other)
        for id in ["oddly\(controls)1", "oddly\(controls)2"] {
            try store.insert(event(id, "name\(controls)", about: key, generation: 1, .answered, ago: .seconds(5)))
            try store.insertReply(to: id, body: "{}", isFailure: true, at: now)
            try store.replyFailed(to: id, attempts: 1, next: nil, error: "delivery\(controls)")
        }
        try store.insert(
            TransitionRow(key: key, generation: 1, from: "", to: "requested", cause: "cause\(controls)", at: now))
        for _ in 1...2 {
            try store.quarantine(
                QuarantineRow(
                    source: "frame", name: "spoilt\(controls)", raw: "{}", error: "error\(controls)", at: now),
                keeping: 10)
        }
    }
}

extension String {
    /// Has something in it that a terminal would obey, other than the end of a line.
    var hasControls: Bool {
        unicodeScalars.contains { scalar in
            scalar != "\n" && [.control, .format].contains(scalar.properties.generalCategory)
        }
    }
}
