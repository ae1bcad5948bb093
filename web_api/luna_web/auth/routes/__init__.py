"""HTTP of accounts and sessions."""

from luna_web.auth.routes import administering, entering, own, recovering, settings

routers = (entering.router, recovering.router, own.router, administering.router, settings.router)
