import LosslessJSON
import NIOHTTP1

/// What a launch was pointed at: a registration script, or a server that can say where its script is
/// (PROTOCOL 1.9.2).
package struct RegistrationSource: Sendable {
    /// As it was given.
    package var url: APIURL
    /// For the server's API, if it wants to know who asks.
    package var key: APIKey
    /// For each call.
    package var deadline = Duration.seconds(30)
    /// How often a registration token that is being made is asked for, a second apart.
    package var polls = 60

    /// Asks nobody yet.
    package init(url: APIURL, key: APIKey) {
        self.url = url
        self.key = key
    }

    /// Where the script is: one try to reach the server, and patience with a token that is being made.
    ///
    /// - Throws: ``RancherError``, `CancellationError`.
    package func scriptURL(httpClient: ServerHTTP) async throws -> APIURL {
        let http = HTTPCaller(http: httpClient, deadline: deadline, hidesPath: true)
        let answer = try await http.call(.GET, url, limit: 1 << 20)
        if answer.status == .ok, answer.body.starts(with: Array("#!/bin/sh".utf8)) { return url }
        guard answer.headers.contains(name: "X-API-Schemas") || answer.status == .unauthorized else {
            if answer.status != .ok { throw answer.refusal(from: url, hidesPath: true) }
            throw RancherError(
                .badAnswer,
                "\(url.withoutPath) answered with neither a registration script nor the API of a Rancher server. "
                    + "The server's \"add host\" page shows the right URL.")
        }
        // Who wants to know who asks may have the script itself there.
        let client = RancherClient(url: url, key: key, httpClient: httpClient, deadline: deadline, hidesPath: true)
        return try APIURL(try await registrationURL(client))
    }

    private func registrationURL(_ client: RancherClient) async throws -> String {
        if try await client.discover()["registrationToken"] == nil {
            // In the 2.0 tech preview the cluster has it.
            let clusters = try await client.list("cluster")
            guard clusters.count == 1, let url = clusters[0]["registrationToken"]["registrationUrl"].nonEmptyText else {
                throw RancherError(
                    .badAnswer,
                    "the server has \(clusters.count) clusters; give the registration URL of the one that is meant")
            }
            return url
        }
        var isCreated = false
        for _ in 0..<polls {
            let tokens = try await client.list("registrationToken", filters: [("state", "active")])
            if let url = tokens.lazy.compactMap({ $0["registrationUrl"].nonEmptyText }).first { return url }
            if !isCreated {
                try await client.create("registrationToken", ["type": "registrationToken"])
                isCreated = true
            }
            try await Task.sleep(for: .seconds(1))
        }
        throw RancherError(.timedOut, "the server has not made a registration token in \(polls) seconds")
    }
}
