import AsyncHTTPClient
import Deadline
import LosslessJSON
import NIOCore
package import NIOHTTP1
import NIOPosix
package import NIOSSL
import URLCoding

extension TLSConfiguration {
    /// The system's trust roots and those of a PEM file.
    ///
    /// - Throws: ``RancherError`` of the code `local` if that file cannot be read.
    package static func rancher(extraTrustRoots: String?) throws(RancherError) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        guard let extraTrustRoots else { return configuration }
        do {
            let certificates = try NIOSSLCertificate.fromPEMFile(extraTrustRoots)
            guard !certificates.isEmpty else { throw RancherError(.local, "there is none in it") }
            configuration.additionalTrustRoots = [.certificates(certificates)]
        } catch {
            throw RancherError(.local, "cannot read the certificates in \(extraTrustRoots): \(error)")
        }
        return configuration
    }
}

/// A whole answer of the server.
package struct HTTPAnswer: Sendable {
    package let status: HTTPResponseStatus
    package let headers: HTTPHeaders
    /// At most as many bytes as the caller allowed.
    package let body: [UInt8]
    let bodyWasCut: Bool

    /// Whether it has what answers of a Rancher server have, whoever asks: the header that names the schemas, or the
    /// server's error object (PROTOCOL 2.2, 2.3).
    package var isOfRancher: Bool {
        headers.contains(name: "X-API-Schemas") || (try? JSON(parsing: body))?["type"].text == "error"
    }

    /// The refusal in the words of PROTOCOL 2.3; with status 407 the server has said nothing at all. A query is left out
    /// of the URL: the registration key may be in it.
    ///
    /// - Parameters:
    ///   - url: What was asked.
    ///   - hidesPath: Leaves out the path of the URL as well, and its last part wherever the answer repeats it.
    package func refusal(from url: APIURL, hidesPath: Bool = false) -> RancherError {
        guard status != .proxyAuthenticationRequired else {
            return RancherError(
                .unreachable, "the proxy on the way to \(url.authority) \(HTTPCaller.unknownToProxy)")
        }
        let place = hidesPath ? url.withoutPath : url.withoutQuery
        let details: String
        if let object = (try? JSON(parsing: body))?.object {
            details = object.map { "\($0.key)=\($0.value.text ?? $0.value.encodedText)" }.joined(separator: ", ")
        } else {
            details = String(decoding: body.prefix(200), as: UTF8.self).trimmingBlanks
        }
        var line = details.split(whereSeparator: \.isNewline).joined(separator: " ")
        if hidesPath, let secret = url.path.split(separator: "/").last {
            for text in [String(secret), PercentCoding.decoded(secret)] { line.replace(text, with: "…") }
        }
        return RancherError(
            .refused(status: Int(status.code)),
            "Bad response statusCode [\(status.code)]. Status [\(status.code) \(status.reasonPhrase)]. "
                + "Body: [\(line)] from [\(place)]",
            isServers: isOfRancher)
    }
}

/// Calls with a deadline over everything, the body of the answer included.
package struct HTTPCaller: Sendable {
    let http: ServerHTTP
    /// For each request: from its start to the end of the answer.
    let deadline: Duration
    /// When everything has to be over, however many requests it takes; `nil` for never.
    let end: ContinuousClock.Instant?
    /// Whether messages leave out the path of the URL, for it may be a secret.
    let hidesPath: Bool

    /// - Parameters:
    ///   - http: The way to the server.
    ///   - deadline: For each request, from its start to the end of the answer; a redirect makes a second one.
    ///   - end: When everything has to be over, however many requests it takes; `nil` for never.
    ///   - hidesPath: Whether messages leave out the path of the URL, for it may be a secret.
    package init(
        http: ServerHTTP, deadline: Duration, end: ContinuousClock.Instant? = nil, hidesPath: Bool = false
    ) {
        self.http = http
        self.deadline = deadline
        self.end = end
        self.hidesPath = hidesPath
    }

    private static let maximumRedirects = 5

    /// Makes one call; a `GET` follows redirects and takes its credentials along within the same host only.
    ///
    /// - Parameters:
    ///   - method: Of the request.
    ///   - url: Where it goes first.
    ///   - key: Who asks.
    ///   - body: JSON.
    ///   - limit: The bytes of the answer's body that are read.
    ///   - closesConnection: After an answer that may have more behind it than it says, the connection is of no further
    ///     use.
    /// - Throws: ``RancherError`` if there is no whole answer, `CancellationError`.
    package func call(
        _ method: HTTPMethod, _ url: APIURL, key: APIKey? = nil, body: String? = nil, limit: Int,
        closesConnection: Bool = false
    ) async throws -> HTTPAnswer {
        var url = url
        var key = key
        for _ in 0..<Self.maximumRedirects {
            let answer = try await callOnce(
                method, url, key: key, body: body, limit: limit, closesConnection: closesConnection)
            guard method == .GET, [301, 302, 303, 307, 308].contains(answer.status.code),
                let location = answer.headers.first(name: "location")
            else { return answer }
            var next = url
            if location.hasPrefix("/"), !location.hasPrefix("//") {
                next.query = ""
                next.path = location
            } else {
                guard let other = try? APIURL(location) else {
                    throw RancherError(.badAnswer, "\(place(of: url)) sends on to something that is no URL")
                }
                next = other
            }
            if next.host != url.host { key = nil }
            url = next
        }
        throw RancherError(.badAnswer, "more than \(Self.maximumRedirects) redirects, the last to \(place(of: url))")
    }

    private func place(of url: APIURL) -> APIURL { hidesPath ? url.withoutPath : url.withoutQuery }

    private func callOnce(
        _ method: HTTPMethod, _ url: APIURL, key: APIKey?, body: String?, limit: Int, closesConnection: Bool
    ) async throws -> HTTPAnswer {
        var (request, client, proxy) = http.request(url)
        request.method = method
        request.headers.add(name: "Accept", value: "application/json, */*")
        if closesConnection { request.headers.add(name: "Connection", value: "close") }
        if let key { request.headers.add(name: "Authorization", value: key.authorization) }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: body))
        }
        let rest = end.map { max(.zero, $0 - .now) } ?? deadline
        let (deadline, ready, way) = (min(deadline, rest), request, client)
        let place = "\(place(of: url))" + (proxy.map { " through the proxy \($0)" } ?? "")
        return try await withThrowingTaskGroup(of: HTTPAnswer.self) { group in
            // A deadline of the client's own would end with the head of the answer.
            group.addTask { try await Self.send(ready, with: way, limit: limit, place: place) }
            group.addTask {
                await pass(deadline)
                try Task.checkCancellation()
                throw RancherError(.timedOut, "no answer from \(place) within \(deadline)")
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() else { throw CancellationError() }
            return answer
        }
    }

    private static func send(
        _ request: HTTPClientRequest, with client: HTTPClient, limit: Int, place: String
    ) async throws -> HTTPAnswer {
        do {
            let response = try await client.execute(request, timeout: .hours(1))
            var body: [UInt8] = []
            var wasCut = false
            for try await chunk in response.body {
                let room = limit - body.count
                body += chunk.readableBytesView.prefix(room)
                if chunk.readableBytes > room {
                    wasCut = true
                    break
                }
            }
            return HTTPAnswer(status: response.status, headers: response.headers, body: body, bodyWasCut: wasCut)
        } catch {
            try Task.checkCancellation()
            if error is CancellationError { throw error }
            let timeouts: [HTTPClientError] = [.connectTimeout, .deadlineExceeded, .readTimeout, .tlsHandshakeTimeout]
            if let error = error as? HTTPClientError, timeouts.contains(error) {
                throw RancherError(.timedOut, "\(place) cannot be reached in time: \(error)")
            }
            throw RancherError(.unreachable, "\(place) cannot be reached: \(describe(error))")
        }
    }

    /// What there is to say of a proxy that answers with status 407.
    static let unknownToProxy = "wants to know who we are, or does not know us (407)"

    /// NIO's own text for a failed connection is a list of everything that it tried.
    package static func describe(_ error: any Error) -> String {
        if let failure = error as? NIOConnectionError {
            if let first = failure.connectionErrors.first { return "\(first.error)" }
            return "the name \(failure.host) is not known: \(failure.dnsAError ?? failure.dnsAAAAError ?? failure)"
        }
        if (error as? HTTPClientError) == .proxyAuthenticationRequired { return "the proxy \(unknownToProxy)" }
        switch error as? NIOSSLError {
        case .handshakeFailed(.sslError(let stack)) where "\(stack)".contains("CERTIFICATE_VERIFY_FAILED"):
            return "its certificate is not to be trusted, or not valid now; `rancher-agent doctor` says which and why"
        case .handshakeFailed(let fault): return "TLS fails: \(fault)"
        case .some, nil: break
        }
        if (error as? NIOSSLExtraError) == .failedToValidateHostname {
            return "its certificate is for another name; `rancher-agent doctor` says for which"
        }
        return "\(error)"
    }
}

extension APIURL {
    /// For messages: what stands in a query may be a key.
    package var withoutQuery: APIURL {
        var url = self
        url.query = ""
        return url
    }

    /// For messages about a registration URL, whose path is as good as a password.
    package var withoutPath: APIURL {
        var url = withoutQuery
        url.path = "/…"
        return url
    }
}
