"""The JSON API under /api/v1/: what the pages do, for programs.

A module of routes a subject; `site_api.ROUTERS` lists them. To add one: write a module with
`router = ApiRouter(tags=[…])`, its calls with `@router.call(…)`, and add one line to that list. The
rules of a task, a transition, a result stand where the pages have them; here is only how they are
asked for.
"""
