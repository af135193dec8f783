import Foundation
import LosslessJSON
import Synchronization
import Testing

/// Which engine the tests run beside, in its own words.
struct EngineIdentity: Sendable, CustomStringConvertible {
    enum Product: String, Sendable {
        case docker = "Docker"
        case podman = "Podman"
    }

    let product: Product
    let version: String
    let apiVersion: String

    /// Reads the answer to `GET /version`.
    init(_ version: JSON) {
        let names = (version["Components"].array ?? []).compactMap(\.["Name"].text)
        product = names.contains("Podman Engine") ? .podman : .docker
        self.version = version["Version"].text ?? "?"
        apiVersion = version["ApiVersion"].text ?? "?"
    }

    var description: String { "\(product.rawValue) \(version) (API \(apiVersion))" }
}

/// A test that an engine lets fail, and what is then seen.
struct EngineDifference: Sendable {
    let product: EngineIdentity.Product
    /// The name of the test.
    let test: String
    /// What the failures say, each in one of them. A failure with none of these is one of the agent; one of these that
    /// is not seen is no difference any more.
    let shows: [String]
    /// What the engine does not do.
    let reason: String
}

/// Holds the tests of a suite against ``EngineDifference/all``: what is listed for the engine is expected, to the point.
struct EngineDifferences: SuiteTrait, TestTrait, TestScoping {
    let isRecursive = true

    /// Which engine the tests run beside, as soon as it was asked.
    private static let known = Mutex<EngineIdentity?>(nil)

    private static func engine() async throws -> EngineIdentity {
        if let engine = known.withLock({ $0 }) { return engine }
        let engine = try await Engine.current().identity()
        known.withLock { $0 = engine }
        // For the table of engines and tests.
        print("engine of the tests: \(engine)")
        return engine
    }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        let engine = try await Self.engine()
        let name = test.displayName ?? test.name
        guard let difference = EngineDifference.all.first(where: { $0.product == engine.product && $0.test == name })
        else { return try await function() }
        let seen = Mutex<Set<String>>([])
        try await withKnownIssue("\(difference.reason)", isIntermittent: true) {
            try await function()
        } matching: { issue in
            let text = "\(issue) \(issue.error.map { "\($0)" } ?? "")"
            let shown = difference.shows.filter { text.contains($0) }
            seen.withLock { $0.formUnion(shown) }
            return !shown.isEmpty
        }
        let missing = Set(difference.shows).subtracting(seen.withLock { $0 })
        if missing.isEmpty {
            print("not applicable to \(engine): \"\(name)\": \(difference.reason)")
        } else {
            Issue.record("\(engine) shows no longer: \(missing.sorted().joined(separator: ", "))")
        }
    }
}

extension Trait where Self == EngineDifferences {
    /// What ``EngineDifference/all`` says of the tests of this suite counts.
    static var engineDifferences: Self { EngineDifferences() }
}
