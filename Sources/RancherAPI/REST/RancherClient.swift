package import LosslessJSON
package import Model
import NIOHTTP1
import Synchronization

/// The REST interface of a Rancher server with one pair of keys (PROTOCOL 2.2, 2.3, 4.1).
///
/// The schemas are fetched when they are needed first and again after a sign that they no longer hold. Where they are
/// found tells which of the servers this is.
package final class RancherClient: Sendable {
    private let roots: [APIRoot]
    private let key: APIKey
    private let http: HTTPCaller
    private let schemas = Mutex<Schemas?>(nil)
    /// The root that answered last, with the dialect that it turned out to speak.
    private let home = Mutex<APIRoot?>(nil)

    private static let schemasLimitBytes = 32 << 20
    private static let listLimitBytes = 16 << 20
    private static let itemLimitBytes = 1 << 20

    /// - Parameters:
    ///   - url: `CATTLE_URL` as configured; it is normalised here (PROTOCOL 2.1).
    ///   - key: Of the agent, or of whoever else asks.
    ///   - httpClient: Shut down by its maker.
    ///   - deadline: For each request.
    ///   - end: When all of them have to be over; `nil` for never.
    ///   - hidesPath: Whether errors leave out the paths of URLs, for there may be a secret in them.
    package init(
        url: APIURL, key: APIKey, httpClient: ServerHTTP, deadline: Duration = .seconds(30),
        end: ContinuousClock.Instant? = nil, hidesPath: Bool = false
    ) {
        roots = APIRoot.candidates(for: url.droppingSchemas)
        self.key = key
        http = HTTPCaller(http: httpClient, deadline: deadline, end: end, hidesPath: hidesPath)
    }

    /// The dialect of the server; `nil` until it has shown its schemas for the first time.
    package var dialect: Dialect? { home.withLock { $0?.dialect } }

    /// The dialect of the server, which is asked if it is not known yet.
    ///
    /// - Throws: ``RancherError``, `CancellationError`.
    package func knownDialect() async throws -> Dialect {
        if let dialect { return dialect }
        try await discover()
        return dialect ?? .a
    }

    /// Fetches the schemas anew (PROTOCOL 2.2), from the first place that has them.
    ///
    /// - Throws: ``RancherError``, `CancellationError`. Where no place has them, the error is that of the place that was
    ///   tried first.
    @discardableResult
    package func discover() async throws -> Schemas { try await atFirstRoot { try await discover(at: $0) } }

    /// Where the server says that its schemas are: the first half of ``discover()``, which does not go there.
    ///
    /// - Throws: ``RancherError``, `CancellationError`, as ``discover()`` does.
    package func schemasURL() async throws -> APIURL { try await atFirstRoot { try await root($0).schemas } }

    private func atFirstRoot<Found>(_ look: (APIRoot) async throws -> Found) async throws -> Found {
        let known = home.withLock { $0 }
        let ordered = roots.sorted { $0.url == known?.url && $1.url != known?.url }
        var first: (any Error)?
        for root in ordered {
            do {
                return try await look(root)
            } catch let error as RancherError where ordered.count > 1 && error.meansAnotherPlace {
                first = first ?? error
            }
        }
        throw first ?? RancherError(.noSchema, "no place for the schemas is known")
    }

    private func root(_ origin: APIRoot) async throws -> (answer: HTTPAnswer, schemas: APIURL) {
        let url = origin.url
        let root = try await http.call(.GET, url, key: key, limit: Self.schemasLimitBytes)
        guard root.status == .ok else { throw root.refusal(from: url, hidesPath: http.hidesPath) }
        guard let header = root.headers.first(name: "X-API-Schemas") else {
            throw RancherError(.badAnswer, "Failed to find schema at [\(http.hidesPath ? url.withoutPath : url)]")
        }
        return (root, try APIURL(header))
    }

    private func discover(at origin: APIRoot) async throws -> Schemas {
        let url = origin.url
        let (root, place) = try await root(origin)
        var answer = root
        if place != url {
            answer = try await http.call(.GET, place, key: key, limit: Self.schemasLimitBytes)
            guard answer.status == .ok else { throw answer.refusal(from: place, hidesPath: http.hidesPath) }
        }
        let shown = http.hidesPath ? place.withoutPath : place
        let found = try Schemas(parsing: try answer.wholeBody(from: shown), from: shown)
        schemas.withLock { $0 = found }
        let dialect = APIRoot.dialect(ofSchemasAt: place) ?? origin.dialect
        home.withLock { $0 = APIRoot(url: url, dialect: dialect) }
        return found
    }

    /// The schemas from the last discovery, or from one made now.
    ///
    /// - Throws: ``RancherError``, `CancellationError`.
    package func knownSchemas() async throws -> Schemas {
        if let known = schemas.withLock({ $0 }) { return known }
        return try await discover()
    }

    /// Makes the next call fetch the schemas anew.
    package func forgetSchemas() { schemas.withLock { $0 = nil } }

    /// The items of a type that match the filters; the first page only.
    ///
    /// - Throws: ``RancherError``, `CancellationError`.
    package func list(_ type: String, filters: [(key: String, value: String)] = []) async throws -> [JSON] {
        let (answer, url) = try await call(.GET, limit: Self.listLimitBytes) { schemas throws(RancherError) in
            try schemas.listURL(type).adding(query: filters)
        }
        guard answer.status == .ok else { throw answer.refusal(from: url, hidesPath: http.hidesPath) }
        guard let items = (try? JSON(parsing: try answer.wholeBody(from: url)))?["data"].array else {
            throw RancherError(.badAnswer, "\(url.withoutQuery) answered with no list")
        }
        return items
    }

    /// Creates an item.
    ///
    /// - Returns: The item as the server sees it; null if the server's answer cannot be read, for it is created all the
    ///   same (PROTOCOL 2.3).
    /// - Throws: ``RancherError``, `CancellationError`.
    @discardableResult
    package func create(_ type: String, _ item: JSON) async throws -> JSON {
        let answer = try await post(type, item.encodedText)
        return (try? JSON(parsing: answer.body)) ?? .null
    }

    /// Sends an answer or a progress message to the server (PROTOCOL 4.1). One try: who has to be heard calls again.
    ///
    /// - Throws: ``RancherError``, `CancellationError`.
    package func publish(body: String) async throws { _ = try await post("publish", body) }

    private func post(_ type: String, _ body: String) async throws -> HTTPAnswer {
        let (answer, url) = try await call(.POST, body: body, limit: Self.itemLimitBytes) {
            schemas throws(RancherError) in try schemas.createURL(type)
        }
        guard (200..<300).contains(answer.status.code) else {
            throw answer.refusal(from: url, hidesPath: http.hidesPath)
        }
        return answer
    }

    /// Calls the place that the schemas name. A place that has vanished, or is not in schemas of an earlier time, is
    /// looked up once more; one that cannot be reached is looked up at the next call.
    private func call(
        _ method: HTTPMethod, body: String? = nil, limit: Int,
        at place: (Schemas) throws(RancherError) -> APIURL
    ) async throws -> (HTTPAnswer, APIURL) {
        if let known = schemas.withLock({ $0 }), let url = try? place(known) {
            let answer = try await forgettingOnFailure {
                try await http.call(method, url, key: key, body: body, limit: limit)
            }
            if answer.status != .notFound { return (answer, url) }
        }
        let url = try place(try await discover())
        let answer = try await forgettingOnFailure {
            try await http.call(method, url, key: key, body: body, limit: limit)
        }
        return (answer, url)
    }

    private func forgettingOnFailure(_ body: () async throws -> HTTPAnswer) async throws -> HTTPAnswer {
        do {
            return try await body()
        } catch {
            forgetSchemas()
            throw error
        }
    }
}

extension HTTPAnswer {
    func wholeBody(from url: APIURL) throws(RancherError) -> [UInt8] {
        guard !bodyWasCut else {
            throw RancherError(.badAnswer, "the answer of \(url.withoutQuery) exceeds \(body.count) bytes")
        }
        return body
    }
}

extension RancherError {
    /// Whether what was looked for may be somewhere else: nobody here knows of it. Whoever cannot be reached, or is in
    /// trouble, says nothing about that.
    fileprivate var meansAnotherPlace: Bool {
        switch code {
        case .refused(let status): (400..<500).contains(status)
        case .badAnswer, .noSchema: true
        case .unreachable, .timedOut, .badURL, .local: false
        }
    }
}
