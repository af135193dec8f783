import LosslessJSON
import NIOCore
import NIOHTTP1
import Synchronization

/// Who may use a route.
enum Access: Sendable {
    case anybody
    case registration
    case agent
    case registrationOrAgent
}

/// Whom a request comes from.
enum Caller: Sendable {
    case registration
    case agent(accessKey: String)
}

/// An entry of the server's table: a method, a path, and what answers it.
struct Route: Sendable {
    let method: HTTPMethod
    /// A path in lower case; `*` at its end stands for one more segment.
    let path: String
    let access: Access
    let answer: @Sendable (RancherServer, Request, Caller?) -> Answer

    init(
        _ method: HTTPMethod, _ path: String, _ access: Access,
        _ answer: @escaping @Sendable (RancherServer, Request, Caller?) -> Answer
    ) {
        self.method = method
        self.path = path
        self.access = access
        self.answer = answer
    }

    func matches(_ request: Request) -> Bool {
        guard request.head.method == method else { return false }
        let asked = request.path.lowercased()
        guard path.hasSuffix("*") else { return asked == path || asked == path + "/" }
        let prefix = path.dropLast()
        return asked.hasPrefix(prefix) && asked.count > prefix.count && !asked.dropFirst(prefix.count).contains("/")
    }
}

extension RancherServer {
    /// The table of a server: the whole interface under each of its versions, and a root under the older ones.
    static func routes(of dialect: Dialect) -> [Route] {
        let roots = (dialect.versions + dialect.olderVersions).map { version in
            Route(.GET, "/\(version)", .registrationOrAgent) { server, request, _ in server.root(request) }
        }
        let common = [
            Route(.GET, "/ping", .anybody) { _, _, _ in .text("pong") },
            // In this place whatever the server speaks (PROTOCOL 1.9.1).
            Route(.GET, "/v1/scripts/ca.crt", .anybody) { server, _, _ in
                server.authority.map { .text($0) } ?? .error(.notFound, code: "NotFound")
            },
        ]
        return common + roots
            + dialect.versions.flatMap { interface(version: $0) }
    }

    private static func interface(version: String) -> [Route] {
        [
            Route(.GET, "/\(version)/schemas", .registrationOrAgent) { server, request, caller in
                server.schemas(request, for: caller)
            },
            Route(.GET, "/\(version)/scripts/api.crt", .anybody) { server, _, _ in server.apiCertificate() },
            Route(.GET, "/\(version)/scripts/*", .anybody) { server, request, _ in server.script(request) },
            Route(.GET, "/\(version)/registers", .registration) { server, request, _ in server.listRegisters(request) },
            Route(.POST, "/\(version)/registers", .registration) { server, request, _ in server.createRegister(request)
            },
            Route(.GET, "/\(version)/subscribe", .agent) { _, _, _ in
                .error(.upgradeRequired, code: "UpgradeRequired", message: "this is a websocket")
            },
            Route(.POST, "/\(version)/publish", .agent) { server, request, caller in server.publish(request, by: caller)
            },
            Route(.POST, "/\(version)/containerevents", .agent) { server, request, _ in server.containerEvent(request)
            },
            Route(.POST, "/\(version)/hostapiproxytokens", .agent) { server, request, _ in server.proxyToken(request) },
        ]
    }

    func answer(to request: Request) -> Answer {
        let found = routes.filter { $0.matches(request) }
        guard let route = found.first else {
            let isKnown = routes.contains { $0.path == request.path.lowercased() }
            return noted(
                .error(isKnown ? .methodNotAllowed : .notFound, code: isKnown ? "MethodNotAllowed" : "NotFound"),
                for: request)
        }
        let caller = caller(of: request)
        let answer: Answer
        switch (route.access, caller) {
        case (.anybody, _), (.registrationOrAgent, .some), (.registration, .registration), (.agent, .agent):
            answer = route.answer(self, request, caller)
        case (_, nil): answer = .error(.unauthorized, code: "Unauthorized")
        case (.agent, .registration), (.registration, .agent):
            answer = .error(.forbidden, code: "Forbidden", message: "not with these credentials")
        }
        return noted(answer, for: request)
    }

    /// Remembers a request with its answer.
    func noted(_ answer: Answer, for request: Request) -> Answer {
        note(request.head, path: request.path, query: request.query, status: answer.status)
        return answer
    }

    func note(_ head: HTTPRequestHead, path: String, query: String, status: Int) {
        let record = RequestRecord(
            method: head.method.rawValue, path: path, query: query, status: status, arrival: .now,
            user: Identity.basicCredentials(head.headers.first(name: "Authorization"))?.user)
        state.withLock { state in
            state.remember(record)
            if status == 0 || status >= 400 { state.report(.refused(record)) }
        }
    }

    private func caller(of request: Request) -> Caller? {
        guard let (user, password) = request.credentials else { return nil }
        if user == Identity.registrationUser { return password == token ? .registration : nil }
        if state.withLock({ $0.faults.agentKeysRevoked }) { return nil }
        return password == Identity.secretKey(accessKey: user) ? .agent(accessKey: user) : nil
    }

    // MARK: Discovery and registration

    /// The API's address as the client sees it, as the real server does it: behind a forwarded port or in a container
    /// that is another one than the server's own.
    private func apiURL(for request: Request) -> String {
        guard let host = request.head.headers.first(name: "Host"), !host.isEmpty else {
            return "\(url)/\(version(of: request))"
        }
        return "\(scheme)://\(host)/\(version(of: request))"
    }

    /// The version of the interface that a request is made to; the first one for a root that only answers.
    private func version(of request: Request) -> String {
        let asked = request.path.split(separator: "/").first.map { $0.lowercased() } ?? ""
        return dialect.versions.contains(asked) ? asked : dialect.versions[0]
    }

    private func root(_ request: Request) -> Answer {
        let apiURL = apiURL(for: request)
        if let refusal = state.withLock({ Faults.take(&$0.faults.schemas) }) { return .refusal(refusal) }
        let body: JSON = [
            "id": .string(version(of: request)), "type": "apiVersion",
            "links": ["self": .string(apiURL), "schemas": .string(apiURL + "/schemas")],
        ]
        return .response(
            Answer.Response(
                status: .ok, headers: [("X-API-Schemas", apiURL + "/schemas")], body: body.encoded))
    }

    private func schemas(_ request: Request, for caller: Caller?) -> Answer {
        let apiURL = apiURL(for: request)
        let (refusal, withoutLinks, hosts) = state.withLock { state in
            (Faults.take(&state.faults.schemas), state.faults.schemasWithoutCollectionLinks, state.faults.linkHosts)
        }
        if let refusal { return .refusal(refusal) }
        let all: [Schema] =
            switch caller {
            case .agent: Schema.agent
            case .registration: Schema.registration
            case nil: []
            }
        let schemas = all.map { schema in
            let place = hosts[schema.id].map { "\(scheme)://\($0)/\(version(of: request))" } ?? apiURL
            return schema.json(apiURL: place, withCollectionLink: !withoutLinks)
        }
        let body = collection("schema", schemas, place: apiURL + "/schemas")
        return .response(
            Answer.Response(
                status: .ok, headers: [("X-API-Schemas", apiURL + "/schemas")], body: body.encoded))
    }

    private func script(_ request: Request) -> Answer {
        if let refusal = state.withLock({ Faults.take(&$0.faults.script) }) { return .refusal(refusal) }
        let prefix = "/\(version(of: request))/scripts/"
        guard Identity.percentDecoded(request.path.dropFirst(prefix.count)) == token else {
            return .error(.notFound, code: "NotFound")
        }
        return .text(
            """
            #!/bin/sh
            export CATTLE_REGISTRATION_ACCESS_KEY="\(Identity.registrationUser)"
            export CATTLE_REGISTRATION_SECRET_KEY="\(token)"
            export CATTLE_URL="\(apiURL(for: request))"
            export DETECTED_CATTLE_AGENT_IP="\(request.clientAddress)"

            """)
    }

    private func apiCertificate() -> Answer {
        let (refusal, way) = state.withLock { state in
            (Faults.take(&state.faults.apiCertificateRefusal), state.faults.apiCertificate)
        }
        if let refusal { return .refusal(refusal) }
        let pem = Identity.apiCertificate
        switch way {
        case .single: return .text(pem)
        case .twice: return .text(pem + pem)
        case .trailingCopy:
            return .response(
                Answer.Response(
                    status: .ok, contentType: "text/plain; charset=utf-8", body: Array((pem + pem).utf8),
                    declaredLength: pem.utf8.count))
        case .htmlPage:
            return .text("<!DOCTYPE html><html><body><h1>Welcome</h1></body></html>\n", type: "text/html")
        case .empty: return .text("")
        }
    }

    private func listRegisters(_ request: Request) -> Answer {
        let key = request.parameter("key")
        enum Stage {
            case refused(Faults.Refusal)
            case empty
            case known(Account, isActive: Bool)
        }
        let stage: Stage = state.withLock { state in
            if let refusal = Faults.take(&state.faults.register) { return .refused(refusal) }
            // A registration token must not read what other hosts have registered.
            guard let key, let account = state.accounts[key] else { return .empty }
            state.accounts[key]?.polls += 1
            let faults = state.faults
            if account.polls < faults.registerEmptyPolls { return .empty }
            let isDue = account.polls >= faults.registerEmptyPolls + faults.registerCreatingPolls
            return .known(account, isActive: isDue && !faults.registerNeverDelivers)
        }
        let place = apiURL(for: request) + "/registers"
        switch stage {
        case .refused(let refusal): return .refusal(refusal)
        case .empty: return .json(collection("register", [], place: place))
        case .known(let account, let isActive):
            return .json(collection("register", [register(account, isActive: isActive, place: place)], place: place))
        }
    }

    private func createRegister(_ request: Request) -> Answer {
        if let refusal = state.withLock({ Faults.take(&$0.faults.register) }) { return .refusal(refusal) }
        guard let body = try? JSON(parsing: request.body), let key = body["key"].nonEmptyText else {
            return .error(.unprocessableEntity, code: "MissingRequired", field: "key")
        }
        let account = state.withLock { state in
            if let known = state.accounts[key] { return known }
            let account = Account(key: key, orchestration: body["orchestration"].nonEmptyText)
            state.accounts[key] = account
            state.report(.registered(key: key, agentID: account.agentID))
            return account
        }
        let place = apiURL(for: request) + "/registers"
        return .json(register(account, isActive: false, id: key, place: place), status: .created)
    }

    private func register(_ account: Account, isActive: Bool, id: String? = nil, place: String) -> JSON {
        let item: JSON = [
            "id": .string(id ?? account.agentID), "type": "register", "key": .string(account.key),
            "accessKey": isActive ? .string(account.accessKey) : nil,
            "secretKey": isActive ? .string(account.secretKey) : nil,
            "state": isActive ? "active" : "creating",
            "transitioning": isActive ? "no" : "yes", "transitioningMessage": isActive ? nil : "In Progress",
            "links": ["self": .string("\(place)/\(id ?? account.agentID)")], "actions": [:],
        ]
        guard dialect == .rancher20, var object = item.object else { return item }
        object.append("orchestration", JSON(account.orchestration))
        object.append("k8sClientConfig", nil)
        return .object(object)
    }

    private func collection(_ type: String, _ items: [JSON], place: String) -> JSON {
        [
            "type": "collection", "resourceType": .string(type), "links": ["self": .string(place)],
            "createTypes": [:], "actions": [:], "data": .array(items), "sortLinks": [:], "pagination": nil, "sort": nil,
            "filters": [:], "createDefaults": [:],
        ]
    }

    // MARK: What agents send

    private func publish(_ request: Request, by caller: Caller?) -> Answer {
        // What the agent is measured by does not include how long it takes to read this here.
        let arrival = ContinuousClock.now
        guard case .agent(let accessKey) = caller else { return .error(.unauthorized, code: "Unauthorized") }
        enum Fault {
            case refusal(Faults.Refusal)
            case hang
        }
        let fault: Fault? = state.withLock { state in
            if let refusal = Faults.take(&state.faults.publish) { return .refusal(refusal) }
            return Faults.take(&state.faults.publishHangCount) ? .hang : nil
        }
        switch fault {
        case .refusal(let refusal): return .refusal(refusal)
        case .hang: return .hang
        case nil: break
        }
        let message: JSON
        do {
            message = try JSON(parsing: request.body)
        } catch {
            return .error(.badRequest, code: "InvalidFormat", message: error.description)
        }
        guard let name = message["name"].nonEmptyText, name.hasPrefix("reply.") else {
            return .error(.forbidden, code: "Forbidden", message: "name must start with reply.", field: "name")
        }
        let foreign: Faults.Refusal? = state.withLock { state in
            let event = Published.eventID(of: message)
            if let event, state.asked[event] != nil { return nil }
            return Faults.take(&state.faults.foreignAnswers)
        }
        if let foreign { return .refusal(foreign) }
        let (isCut, delay) = state.withLock { state in
            // In two steps: all the lists of a state that is still needed for the report would be copied.
            let taken = state.take(message, accessKey: accessKey, arrival: arrival)
            state.report(.published(taken))
            return (Faults.take(&state.faults.publishCutCount), state.faults.publishDelay)
        }
        if isCut { return .cut }
        return .json(stored(message, type: "publish"), status: .created, delay: delay)
    }

    private func containerEvent(_ request: Request) -> Answer {
        if let refusal = state.withLock({ Faults.take(&$0.faults.containerEvents) }) { return .refusal(refusal) }
        guard let event = try? JSON(parsing: request.body) else { return .error(.badRequest, code: "InvalidFormat") }
        guard knowsHost(event["reportedHostUuid"].text) else {
            return .error(.unprocessableEntity, code: "InvalidReference", field: "reportedHostUuid")
        }
        state.withLock { state in
            state.remember(containerEvent: event)
            state.report(.containerEvent(event))
        }
        return .json(stored(event, type: "containerEvent"), status: .created)
    }

    /// Rancher 2.0 finds the host by the agent's keys, Rancher 1.6 by the uuid that it has told in a ping (PROTOCOL.md 11.2).
    private func knowsHost(_ uuid: String?) -> Bool {
        switch dialect {
        case .rancher20: uuid == "DEFAULT"
        case .rancher16: uuid.map { uuid in state.withLock { $0.hosts.contains(uuid) } } ?? false
        }
    }

    private func proxyToken(_ request: Request) -> Answer {
        guard let body = try? JSON(parsing: request.body) else { return .error(.badRequest, code: "InvalidFormat") }
        let proxy = state.withLock { state in
            state.hostAPIProxyTokenRequests.append(body)
            return state.faults.hostAPIProxy
        }
        switch proxy {
        case .disabled: return .error(.notImplemented, code: "NotImplemented")
        case .hostUnknown:
            return .error(.unprocessableEntity, code: "InvalidReference", field: "reportedUuid")
        case .available(let url):
            return .json(
                [
                    "type": "hostApiProxyToken", "reportedUuid": body["reportedUuid"],
                    "token": .string("simulated-\(Identity.uuid())"), "url": .string(url),
                ], status: .created)
        }
    }

    /// The resource as the server has stored it: with an id and a type.
    private func stored(_ message: JSON, type: String) -> JSON {
        guard var object = message.object else { return message }
        if object["id"]?.nonEmptyText == nil { object["id"] = .string(Identity.uuid()) }
        object["type"] = .string(type)
        object["links"] = [:]
        object["actions"] = [:]
        return .object(object)
    }

    // MARK: Subscriptions

    enum Admission {
        case admitted
        case refused(Answer)
    }

    /// Decides on a websocket handshake.
    func admission(of head: HTTPRequestHead) -> Admission {
        let request = Request(head: head, body: [], clientAddress: "")
        guard dialect.versions.contains(where: { request.path.lowercased() == "/\($0)/subscribe" }) else {
            return .refused(.error(.notFound, code: "NotFound"))
        }
        switch caller(of: request) {
        case nil: return .refused(.error(.unauthorized, code: "Unauthorized"))
        case .registration: return .refused(.error(.forbidden, code: "Forbidden"))
        case .agent:
            if let refusal = state.withLock({ Faults.take(&$0.faults.subscribe) }) {
                return .refused(.refusal(refusal))
            }
            guard request.parameters.contains(where: { $0.name == "eventNames" }) else {
                return .refused(.error(.unprocessableEntity, code: "MissingRequired", field: "eventNames"))
            }
            return .admitted
        }
    }

    func subscription(for head: HTTPRequestHead) -> Subscription {
        let request = Request(head: head, body: [], clientAddress: "")
        note(head, path: request.path, query: request.query, status: 101)
        let accessKey = request.credentials?.user ?? ""
        let number = state.withLock { state in
            state.subscriptionsSoFar += 1
            return state.subscriptionsSoFar
        }
        return Subscription(
            number: number, eventNames: request.parameters.filter { $0.name == "eventNames" }.map(\.value),
            accessKey: accessKey, agentID: "1a\(Identity.agentNumber(accessKey: accessKey))", since: .now)
    }

    /// Takes a subscription into the list, unless the server has been suspended in the meantime.
    func opened(_ subscription: Subscription, on channel: any Channel) -> Bool {
        state.withLock { state in
            guard state.isAccepting else { return false }
            state.subscribers.append(Subscriber(subscription: subscription, channel: channel))
            state.report(.subscribed(subscription))
            return true
        }
    }

    func ended(_ subscription: Subscription) {
        state.withLock { state in
            guard let index = state.subscribers.firstIndex(where: { $0.subscription == subscription }) else { return }
            state.subscribers.remove(at: index)
            state.report(.unsubscribed(subscription))
        }
    }

    /// True if a subscription is in the list and not silent.
    func hears(_ subscription: Subscription) -> Bool {
        state.withLock { $0.subscribers.contains { $0.subscription == subscription && !$0.isSilent } }
    }

    func beats(_ subscription: Subscription) -> Bool {
        hears(subscription) && state.withLock { !$0.faults.withoutHeartbeat }
    }

    /// Counts a websocket ping and says whether it is to be answered.
    func hearsPing(of subscription: Subscription) -> Bool {
        state.withLock { $0.pingFramesReceived += 1 }
        return hears(subscription)
    }
}
