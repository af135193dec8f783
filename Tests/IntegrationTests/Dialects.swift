import Foundation
import RancherSimulator
import Testing

/// What the server of a play speaks.
typealias Dialect = RancherServer.Dialect

extension Dialect: CustomTestStringConvertible {
    public var testDescription: String { description }

    /// What the agent speaks.
    private static let ofTheAgent: [Dialect] = [.rancher20]

    /// What a test is played in: all that the agent speaks, or the one dialect that DIALECT names.
    static let all: [Dialect] = {
        guard let name = ProcessInfo.processInfo.environment["DIALECT"] else { return ofTheAgent }
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
    /// `fixtures/specification` is written in the words of 2.0, and its table is about them.
    case deploymentSyncRequests
    /// Nothing that the dialects differ in is spoken: the connection is refused before.
    case noWordSpoken
    /// Each failure of a storage plug-in is played with a driver of its own.
    case driversOfAnyName
    /// Images and volumes that are brought here before an instance needs them.
    case activationAhead
    /// The server has containers stopped of which it knows nothing any more.
    case forcedStop
    /// The server has a script of the host run.
    case configurationUpdate
    /// Root volumes are objects that are removed.
    case rootVolumes

    var dialect: Dialect {
        switch self {
        case .deploymentSyncRequests, .noWordSpoken, .driversOfAnyName: .rancher20
        case .activationAhead, .forcedStop, .configurationUpdate, .rootVolumes: .rancher16
        }
    }

    /// Why the other one is left out.
    var reason: String {
        switch self {
        case .deploymentSyncRequests: "the columns of 1.6 have a table of their own, held against the create call"
        case .noWordSpoken: "nothing is said before the certificate is refused, in neither dialect"
        case .driversOfAnyName: "1.6 knows the plug-ins of five drivers; how their failures end is the same below"
        case .activationAhead: "2.0 has no storage.image.activate and no storage.volume.activate"
        case .forcedStop: "2.0 has no compute.instance.force.stop"
        case .configurationUpdate: "2.0 has no config.update"
        case .rootVolumes: "2.0 has no object for the root of a container"
        }
    }
}
