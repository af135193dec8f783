internal import LosslessJSON
package import Model
package import Store

/// What the server said about a resource, out of the stored machine. Whoever shows it leaves the secrets out.
package enum StoredSpecification: Sendable, Hashable {
    case instance(InstanceSpecification)
    case volume(VolumeSpecification)
    case image(ImageSpecification)

    /// Reads it out of the row; `nil` if this program cannot.
    package init?(_ row: ResourceRow) {
        let specification: JSON
        do {
            if row.specification.isEmpty {
                // Short ones are a part of the machine, and in older stores all are.
                specification = try JSON.stored(row.machine)[row.key.kind.rawValue]["_0"]["specification"]
            } else {
                specification = try .stored(row.specification)
            }
            switch row.key.kind {
            case .instance: self = .instance(try InstanceSpecification(recorded: specification))
            case .volume: self = .volume(try VolumeSpecification(recorded: specification))
            case .image: self = .image(try ImageSpecification(recorded: specification))
            }
        } catch {
            return nil
        }
    }
}
