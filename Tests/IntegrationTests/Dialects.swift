import Foundation
import RancherSimulator
import Testing

/// What the server of a play speaks.
typealias Dialect = RancherServer.Dialect

extension Dialect: CustomTestStringConvertible {
    public var testDescription: String { description }

    /// What a test is played in: all that the agent speaks, or the one dialect that DIALECT names.
    static let all: [Dialect] = {
        guard let name = ProcessInfo.processInfo.environment["DIALECT"] else { return allCases }
        guard let one = Dialect(rawValue: name) else { preconditionFailure("DIALECT is \(name), not 2.0 or 1.6") }
        return [one]
    }()

    /// The one dialect in which there is something.
    static func only(_ speciality: Speciality) -> [Dialect] { all.filter { $0 == speciality.dialect } }

    /// All, where the agent speaks more than one: for a change from one to another.
    static let changing: [Dialect] = all.count > 1 ? all : []

    /// A share of so many rounds for each dialect that is played: together they are as many as were asked for.
    static func share(of rounds: Int) -> Int { (rounds + all.count - 1) / all.count }
}

/// What only one of the servers has, or says nothing about: a test of it is played in that dialect alone.
enum Speciality: CaseIterable {
    /// Nothing that the dialects differ in is spoken: the connection is refused before.
    case noWordSpoken
    /// Images and volumes that are brought here before an instance needs them.
    case activationAhead
    /// The server has containers stopped of which it knows nothing any more.
    case forcedStop
    /// The server has a script of the host run.
    case configurationUpdate
    /// Root volumes are objects that are removed.
    case rootVolumes
    /// Restart policies, links, MAC addresses and the like are the agent's to set.
    case ownColumns

    var dialect: Dialect {
        switch self {
        case .noWordSpoken: .rancher20
        case .activationAhead, .forcedStop, .configurationUpdate, .rootVolumes, .ownColumns: .rancher16
        }
    }

    /// Why the other one is left out.
    var reason: String {
        switch self {
        case .noWordSpoken: "nothing is said before the certificate is refused, in neither dialect"
        case .activationAhead: "2.0 has no storage.image.activate and no storage.volume.activate"
        case .forcedStop: "2.0 has no compute.instance.force.stop"
        case .configurationUpdate: "2.0 has no config.update"
        case .rootVolumes: "2.0 has no object for the root of a container"
        case .ownColumns: "2.0 restarts and links by itself, and has its addresses from network plug-ins"
        }
    }
}
